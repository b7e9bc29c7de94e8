"""The command line: tracking, evaluation and training without a server."""
