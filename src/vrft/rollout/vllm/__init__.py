"""Answers from a vLLM server: its address, its weights, and how one is started."""
