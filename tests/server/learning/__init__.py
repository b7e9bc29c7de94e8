"""Tests of lesion_tracker.server.learning."""
