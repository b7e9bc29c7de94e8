"""Numbered training examples: constructed, self-supervised, supervised and mixed."""
