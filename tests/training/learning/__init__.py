"""Tests of lesion_tracker.training.learning."""
