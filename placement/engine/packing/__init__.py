"""As few pools as possible from scratch: packings by column generation, with a bound that holds."""
