"""Tests of lesion_tracker.server.studies."""
