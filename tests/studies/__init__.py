"""Tests of lesion_tracker.studies."""
