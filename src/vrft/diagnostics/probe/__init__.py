"""Will it learn? Samples from the base policy before any training, what they show, and what to change."""
