"""Where a database should go: pure decisions over arrays, without Django, clock or network."""
