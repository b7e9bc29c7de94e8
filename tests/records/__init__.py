"""Tests of lesion_tracker.records."""
