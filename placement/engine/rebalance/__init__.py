"""Better places for databases that have one: local search over pools, a proven bound, and an order that is safe."""
