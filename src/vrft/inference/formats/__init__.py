"""Answers about images that nobody labelled, written in the forms of other tools."""
