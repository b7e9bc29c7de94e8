"""Score maps to centres in mm, and centres to training targets, through one definition of a cell's centre."""
