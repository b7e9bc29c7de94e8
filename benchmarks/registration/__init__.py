"""How exact, how fast and how careful registration is."""
