"""Tests of benchmarks.constructed."""
