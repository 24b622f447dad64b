"""The durable engine. It knows neither Azure nor databases."""
