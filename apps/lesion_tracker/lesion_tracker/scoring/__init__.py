"""Answers and truth -> CPM, MED and tables with intervals."""
