"""Lesions of a pair of studies to tracks: where each lesion is now, and how sure that is."""
