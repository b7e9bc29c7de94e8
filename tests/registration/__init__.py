"""Tests of lib.registration."""
