"""A local Azure over TLS, its own process: ARM, Entra, Key Vault, SQL logins. It knows nothing of the product."""
