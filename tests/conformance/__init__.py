"""How like Azure the simulator answers: recorded exchanges replayed, and what was learnt from them."""
