"""Who may use the server: accounts, log-in, roles, the guard before every request."""
