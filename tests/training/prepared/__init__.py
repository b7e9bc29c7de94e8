"""Tests of lesion_tracker.training.prepared."""
