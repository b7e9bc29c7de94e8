"""Tracks to markups, label maps, pictures and tables."""
