"""Numbered training examples of three kinds: constructed, self-supervised and supervised."""
