"""Pure generation of passwords that every Azure SQL policy accepts."""

from __future__ import annotations

import secrets
import string

from cloud.secrets import Secret

LENGTH = 40
CLASSES = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "-_.~!*+")
ALPHABET = "".join(CLASSES)  # without quotes, braces, brackets, semicolons and spaces: safe in any statement


def new_password() -> Secret:
    """40 characters of all four classes, about 240 bits. Policy: 8-128 characters, three of four classes (Microsoft's
    documentation of password complexity for Azure SQL)."""
    while True:
        text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if all(any(character in group for character in text) for group in CLASSES):
            return Secret(text)
