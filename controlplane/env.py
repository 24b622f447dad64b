"""Typed readers of environment variables. Every error names the variable, never its value."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from cloud.secrets import Secret

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


def env_text(name: str, default: str = "", *, choices: Sequence[str] = ()) -> str:
    """The trimmed text of `name`. Raises ImproperlyConfigured when it is none of `choices`."""
    text = os.environ.get(name, default).strip()
    if choices and text not in choices:
        raise ImproperlyConfigured(f"{name} must be one of: {', '.join(choices)}.")
    return text


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    """A whole number of at least `minimum`."""
    return int(_number(name, default, minimum=minimum, whole=True))


def env_float(name: str, default: float, *, minimum: float = 0.0) -> float:
    """A number of at least `minimum`."""
    return _number(name, default, minimum=minimum, whole=False)


def env_bool(name: str, default: bool) -> bool:
    """True or false; any word but 1, true, yes, on, 0, false, no, off is refused."""
    text = os.environ.get(name)
    if text is None:
        return default
    word = text.strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name} must be true or false.")
    return word in TRUE_WORDS


def env_list(name: str, default: Sequence[str] = ()) -> list[str]:
    """Texts separated by commas; blanks around them and empty ones are dropped."""
    text = os.environ.get(name)
    if text is None:
        return list(default)
    return [item.strip() for item in text.split(",") if item.strip()]


def env_moment(name: str) -> datetime | None:
    """A date or moment in ISO 8601, UTC where it names no zone; None where it is not set. Raises ImproperlyConfigured."""
    text = env_text(name)
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a moment such as 2027-01-31T00:00:00+00:00.") from error
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def env_secret(name: str, default: str = "") -> Secret:
    """The secret in `name`, or in the file that `<name>_FILE` names; both at once are refused."""
    path = os.environ.get(f"{name}_FILE", "").strip()
    text = os.environ.get(name)
    if path and text is not None:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if not path:
        return Secret(default if text is None else text.strip())
    try:
        return Secret(Path(path).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error


def is_set(name: str) -> bool:
    """True where the variable or its file form is given."""
    return bool(os.environ.get(name, "").strip() or os.environ.get(f"{name}_FILE", "").strip())


def _number(name: str, default: float, *, minimum: float, whole: bool) -> float:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        number: float = int(text) if whole else float(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a {'whole ' if whole else ''}number.") from None
    if not number >= minimum:  # written so that NaN is refused too
        raise ImproperlyConfigured(f"{name} must be at least {minimum}.")
    return number
