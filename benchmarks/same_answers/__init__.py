"""Whether two checkouts give the same answers and the same training examples, to the last bit, on one machine."""
