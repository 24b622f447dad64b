"""Customers' keys (CMK): given to databases, changed, taken back, watched; and what is done when one was lost."""
