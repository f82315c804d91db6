"""How the miniature's weights are made: its pretraining and its gates. Not part of the package."""
