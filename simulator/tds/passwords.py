"""Password hashes and Azure SQL's password policy."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from simulator.tds.errors import SqlError

SHORTEST = 8
LONGEST = 128
SHORTEST_NAME_THAT_COUNTS = 3


def hash_password(password: str) -> str:
    """A salted hash as `salt$digest`. Fast on purpose: a slow one would measure the simulator, not the product."""
    salt = secrets.token_hex(16)
    return f"{salt}${_digest(password, salt)}"


def password_matches(password: str, hashed: str) -> bool:
    salt, _, digest = hashed.partition("$")
    return hmac.compare_digest(_digest(password, salt), digest)


def _digest(password: str, salt: str) -> str:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(secret, salt=bytes.fromhex(salt), digest_size=32).hexdigest()


def check_policy(password: str, *, user: str) -> None:
    """Raise unless the password has 8 to 128 characters, three of four kinds of them, and not the user's name inside.

    Source: Microsoft's "Password policy in Azure SQL Database"; error numbers from memory of the service.
    """
    if len(password) > LONGEST:
        raise SqlError(15156, 16, 1, "The password that you specified is too long. Choose a shorter password.")
    if len(password) < SHORTEST:
        raise _refused("it is too short")
    if _kinds(password) < 3 or _contains_name(password, user):
        raise _refused("it is not complex enough")


def _refused(reason: str) -> SqlError:
    text = f"Password validation failed. The password does not meet policy requirements because {reason}."
    return SqlError(40632, 16, 1, text)


def _kinds(password: str) -> int:
    symbols = any(not character.isalnum() for character in password)
    return sum(
        (
            any(character.isupper() for character in password),
            any(character.islower() for character in password),
            any(character.isdigit() for character in password),
            symbols,
        )
    )


def _contains_name(password: str, user: str) -> bool:
    return len(user) >= SHORTEST_NAME_THAT_COUNTS and user.casefold() in password.casefold()
