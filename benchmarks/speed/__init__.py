"""How long the answers take: the first lesion of a pair, further ones, memory, beside other ways to register."""
