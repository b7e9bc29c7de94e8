"""Learning from readers' corrections: what they taught, fine-tuning, the gate, and what is published."""
