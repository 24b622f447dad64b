"""How a database comes to be, changes and goes."""
