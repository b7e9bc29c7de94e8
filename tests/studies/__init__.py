"""Tests of lib.studies."""
