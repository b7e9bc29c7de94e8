"""Tests of lib/commands."""
