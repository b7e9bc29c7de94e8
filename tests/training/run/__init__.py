"""Tests of lesion_tracker.training.run."""
