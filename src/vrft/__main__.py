"""``python -m vrft``."""

from vrft.cli import main

main()
