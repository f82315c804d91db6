"""The rewards of the released Visual-RFT code with their holes, for comparison, tests and the audit alone.

Each takes the raw text of an answer and the released notation of the right one, as that code does; each has
a twin of (answer, target) that the settings ``released`` wrap as an ``UnsafeTerm``. That code compares
numbers as they were written: the twins therefore write a target's coordinates unchanged, which is right
where a picture is 1000 by 1000 pixels and the model writes 0-1000.
"""
