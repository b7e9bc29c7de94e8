"""Training: examples with exact truth, losses, a run that survives being killed, and data that is refused."""
