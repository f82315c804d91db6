"""A scorecard as people read it: on the command line and on the page, from its JSON alone."""
