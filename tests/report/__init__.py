"""Tests of lesion_tracker.report."""
