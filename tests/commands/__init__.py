"""Tests of lesion_tracker.commands."""
