"""Changes of what stands: planned by the code that makes them, told before they disturb anybody, then requested."""
