"""Tests of lesion_tracker.network."""
