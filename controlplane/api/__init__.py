"""The REST interface, /api/v1. Views check shape and access and call services; they decide nothing themselves."""
