"""Studies: whose, of which day, in which order, and which series of a study is read."""
