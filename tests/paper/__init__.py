"""Tests of lesion_tracker.paper."""
