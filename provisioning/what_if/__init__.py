"""The planner on a copy of the fleet: what it would cost, risk and move if something were otherwise. Nothing is touched."""
