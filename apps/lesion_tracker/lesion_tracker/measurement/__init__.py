"""A point in a lesion to its outline, its two axes and its volume."""
