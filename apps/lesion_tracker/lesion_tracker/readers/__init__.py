"""What readers marked, accepted and moved, kept with its history."""
