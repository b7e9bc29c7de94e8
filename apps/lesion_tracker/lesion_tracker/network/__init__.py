"""Template and search crops to a score map: inputs, encoders, correlation, weights."""
