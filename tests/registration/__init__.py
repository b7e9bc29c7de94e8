"""Tests of lesion_tracker.registration."""
