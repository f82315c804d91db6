"""The rewards of the released Visual-RFT code with their holes, for comparison, tests and the audit alone.

Each ``*_text`` takes the raw text of an answer and the released notation of the right one, as that code does;
each has a twin ``*_term`` of (answer, target) that the settings ``released`` declare as unsafe. That code
compares numbers as they were written: the twins therefore write a target's coordinates unchanged, which is
right where an image is 1000 by 1000 pixels and the model writes 0-1000.
"""
