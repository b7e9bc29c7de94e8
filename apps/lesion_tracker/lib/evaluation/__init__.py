"""Pairs files and released predictions to tables of scores."""
