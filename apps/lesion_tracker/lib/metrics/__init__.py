"""Predicted and true centres to the scores of the paper: CPM@10mm, CPM@Radius, MED."""
