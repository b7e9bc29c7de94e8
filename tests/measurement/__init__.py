"""Tests of lesion_tracker.measurement."""
