"""Tests of lesion_tracker.files."""
