"""Tasks: everything that depends on what is asked."""
