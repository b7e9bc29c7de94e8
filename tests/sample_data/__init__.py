"""Tests of the committed sample data."""
