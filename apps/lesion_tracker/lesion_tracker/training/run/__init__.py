"""One training run: settings, loop, checkpoints, validation, weights with a card."""
