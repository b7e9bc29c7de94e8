"""Training on the server: the trainer, its scores, and the learning page's requests."""
