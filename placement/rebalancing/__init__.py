"""Spreading load: plans of moves between pools, decided by operators and owners, judged by what came of them."""
