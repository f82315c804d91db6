"""Attention over a prompt that many answers share; needs torch and transformers alone."""
