"""Tests of lesion_tracker.server.viewers."""
