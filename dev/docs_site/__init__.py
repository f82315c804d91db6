"""What the documentation site generates when it is built. Not part of the package."""
