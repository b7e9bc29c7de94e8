"""What is known of a lesion: where it was marked, where it was tracked to, and what a reader said of that."""
