"""Tests of lesion_tracker.training.examples."""
