"""Key URIs as customers give them: only https, only vaults of allowed hosts, only the path of a key. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
VERSION = re.compile(r"[0-9a-f]{32}")
LABEL = re.compile(r"[a-z](?!.*--)[a-z0-9-]{1,22}[a-z0-9]")


class KeyUriRefused(ValueError):
    """The text is no URI of a key in an allowed vault; the sentence says why."""


@dataclass(frozen=True, slots=True)
class KeyUri:
    """One version of a key. `vault_url` is https, without a slash at its end."""

    vault_url: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.vault_url}/keys/{self.name}/{self.version}"

    @property
    def vault(self) -> str:
        """The vault's host, by which databases a vault are counted."""
        return self.vault_url.removeprefix("https://")


def key_uri(text: str, *, hosts: Sequence[str]) -> KeyUri:
    """The key meant. `hosts` are suffixes such as `.vault.azure.net`, before which one label stands, or whole host names with
    or without a port (a development allow-list). Raises KeyUriRefused.
    """
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError as error:
        raise KeyUriRefused("The key URI cannot be read.") from error
    if split.scheme != "https" or split.username is not None or split.query or split.fragment or not text.isascii():
        raise KeyUriRefused("A key URI is https, without user, query or fragment.")
    host = (split.hostname or "").lower()
    if not any(_allows(allowed, host, port) for allowed in hosts):
        raise KeyUriRefused("The key's vault is not among the hosts that are allowed.")
    words = split.path.split("/")
    if len(words) != 4 or words[:2] != ["", "keys"] or not NAME.fullmatch(words[2]) or not VERSION.fullmatch(words[3]):
        raise KeyUriRefused("A key URI ends in /keys/NAME/VERSION; the version is needed.")
    address = host if port in (None, 443) else f"{host}:{port}"
    return KeyUri(f"https://{address}", words[2], words[3])


def _allows(allowed: str, host: str, port: int | None) -> bool:
    if not allowed.startswith("."):
        name, _, wanted = allowed.partition(":")
        return host == name and (not wanted or wanted == str(port or 443))
    label = host.removesuffix(allowed.partition(":")[0])
    return label != host and LABEL.fullmatch(label) is not None and (port in (None, 443) or ":" in allowed)
