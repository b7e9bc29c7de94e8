"""Studies and pairs as arrays that training maps into memory."""
