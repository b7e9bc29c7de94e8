"""Pairs and constructed follow-ups to weights with a model card."""
