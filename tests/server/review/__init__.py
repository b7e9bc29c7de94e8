"""The review page: what it shows, and what a click does."""
