"""Tests of lesion_tracker.readers."""
