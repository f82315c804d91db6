"""Putting questions to a policy: once or several times, from several views, behind a gate; kept on disk."""
