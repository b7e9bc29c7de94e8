"""Attacks through HTTP: what a stranger and a reader must not be able to do, and what must not stop the server."""
