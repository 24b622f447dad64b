"""Pools' sizes follow what they need: proposals with reason and cost, decided by operators or by the region's rules."""
