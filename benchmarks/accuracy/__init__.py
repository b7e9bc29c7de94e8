"""How exact tracking is: real pairs, and constructed pairs that training does not resemble."""
