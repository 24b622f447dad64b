"""How secrets are issued, renewed and revoked."""
