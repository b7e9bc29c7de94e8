"""How many pairs of a cohort are tracked in an hour."""
