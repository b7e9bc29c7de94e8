"""Files in and out: each is written whole or not at all, and a wrong one says in one sentence what is wrong."""
