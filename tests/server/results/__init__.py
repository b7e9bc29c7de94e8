"""Tests of a patient's results on the server."""
