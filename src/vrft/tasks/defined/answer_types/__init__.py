"""The answer types of defined tasks, one file each."""
