"""Many patients with many studies each: which pairs, in which order, and what came of them."""
