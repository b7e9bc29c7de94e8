"""Tests of lesion_tracker.volumes."""
