"""Who may use the server: accounts, log-in, the guard before every request."""
