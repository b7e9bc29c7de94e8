"""Learning on the server: the trainer, versions of the weights, the scores of what readers corrected, whom to look at next."""
