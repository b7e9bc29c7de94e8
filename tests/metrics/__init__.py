"""Tests of lib/metrics."""
