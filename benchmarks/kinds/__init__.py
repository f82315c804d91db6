"""Other kinds of answers on the miniature: tasks, rewards for numbers, puzzles, mixtures, selection."""
