"""The paper's five settings in small, with every control, one process a cell."""
