"""Answers about pictures that nobody labelled, written in the forms of other tools."""
