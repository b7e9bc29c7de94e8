"""Tests of lesion_tracker.server.access."""
