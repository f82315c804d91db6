"""``python -m vrft``, and the program ``vrft``."""

import sys


def main() -> None:
    """Start the command line; Ctrl-C ends it without a traceback also while modules are still loaded."""
    try:
        from vrft.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
