"""Tests of lesion_tracker.scoring."""
