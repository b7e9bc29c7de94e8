"""Two volumes to a map of points from baseline to follow-up, in LPS mm."""
