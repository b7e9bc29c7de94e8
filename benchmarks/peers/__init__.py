"""The peers: every other way of finding lesions again, on the same pairs, beside this product's own."""
