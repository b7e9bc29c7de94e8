"""Tests of lesion_tracker.tracking."""
