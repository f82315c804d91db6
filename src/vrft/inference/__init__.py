"""Putting questions to a policy: once or several times, from several looks, behind a gate; kept on disk."""
