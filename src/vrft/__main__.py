"""``python -m vrft``, and the program ``vrft``."""

import sys


def main() -> None:
    """Start the command line; Ctrl-C ends it in a sentence also while modules are still loaded."""
    try:
        from vrft.cli import main as run

        run()
    except KeyboardInterrupt:
        # The place of sentences, vrft.cli.endings, may not be loaded.
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
