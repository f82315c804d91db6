"""Distilling: what a policy says again and again of pictures without labels becomes a label to train on."""
