"""A real server on loopback, and real clients against it."""
