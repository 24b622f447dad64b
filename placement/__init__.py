"""Where a database should go."""
