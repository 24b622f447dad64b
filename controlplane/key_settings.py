"""Customers' keys: where they may be, who looks at them, and how often: part of the settings."""

from __future__ import annotations

from controlplane.env import env_float, env_int, env_list, env_text

# Hosts of vaults that customers may name: suffixes of one label each, or, in development, whole hosts with a port.
KEY_VAULT_HOSTS = env_list("KEY_VAULT_HOSTS", (".vault.azure.net",))
# By a token of this file, whose issuer and subject identities are told to trust, we look at keys as those identities.
KEY_TOKEN_FILE = env_text("KEY_TOKEN_FILE", env_text("AZURE_FEDERATED_TOKEN_FILE"))
KEY_TOKEN_ISSUER = env_text("KEY_TOKEN_ISSUER")  # empty: identities are not told to trust anybody
KEY_TOKEN_SUBJECT = env_text("KEY_TOKEN_SUBJECT")
# A look at each key in this time, up to a quarter earlier or later; an alert has to come within the first minute of a loss.
KEY_LOOK_SECONDS = env_float("KEY_LOOK_SECONDS", 40.0, minimum=1.0)
KEY_LOOKS_AT_ONCE = env_int("KEY_LOOKS_AT_ONCE", 50, minimum=1)
KEY_EXPIRY_DAYS = (30, 7, 1)  # so many days before a key expires its owner is told
# Azure advises at most 500 General Purpose databases, or Hyperscale page servers, a vault and subscription.
KEY_VAULT_DATABASES = env_int("KEY_VAULT_DATABASES", 500, minimum=1)
KEY_PAGE_SERVER_GB = env_int("KEY_PAGE_SERVER_GB", 1024, minimum=1)  # of a Hyperscale database's size, one page server
