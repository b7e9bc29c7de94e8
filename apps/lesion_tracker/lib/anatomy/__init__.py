"""Lesion centre and radius to the Gaussian heat map that tells the network where to look."""
