"""Readers of the environment: what they take, and that errors name the variable and never its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cloud.secrets import Secret
from controlplane.database_url import parse_database_url
from controlplane.env import env_bool, env_float, env_int, env_list, env_secret, env_text


def test_an_absent_variable_gives_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROBE", raising=False)
    assert env_int("PROBE", 7) == 7
    assert env_bool("PROBE", True) is True
    assert env_list("PROBE", ("a",)) == ["a"]
    assert env_secret("PROBE", "default") == Secret("default")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False), ("", False), (" true ", True)])
def test_common_words_for_true_and_false_are_understood(
    monkeypatch: pytest.MonkeyPatch, text: str, value: bool
) -> None:
    monkeypatch.setenv("PROBE", text)
    assert env_bool("PROBE", not value) is value


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (lambda: env_int("PROBE", 1), "7.5"),
        (lambda: env_int("PROBE", 1, minimum=3), "2"),
        (lambda: env_float("PROBE", 1.0), "nan"),
        (lambda: env_float("PROBE", 1.0), "-1"),
        (lambda: env_bool("PROBE", True), "perhaps"),
        (lambda: env_text("PROBE", choices=("a", "b")), "hidden-c"),
        (lambda: parse_database_url(env_secret("PROBE"), variable="PROBE"), "mysql://u:hidden@h/d"),
        (lambda: parse_database_url(env_secret("PROBE"), variable="PROBE"), "postgresql://u:hidden@h:port/d"),
        (lambda: parse_database_url(env_secret("PROBE"), variable="PROBE"), "postgresql://:hidden@/d"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name(monkeypatch: pytest.MonkeyPatch, reader, text: str) -> None:
    monkeypatch.setenv("PROBE", text)
    with pytest.raises(ImproperlyConfigured, match="PROBE") as refusal:
        reader()
    assert "hidden" not in str(refusal.value)


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("open sesame\n")
    monkeypatch.delenv("PROBE", raising=False)
    monkeypatch.setenv("PROBE_FILE", str(file))
    assert env_secret("PROBE") == Secret("open sesame")


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROBE", "one")
    monkeypatch.setenv("PROBE_FILE", str(tmp_path / "other"))
    with pytest.raises(ImproperlyConfigured, match="PROBE or PROBE_FILE"):
        env_secret("PROBE")


def test_a_missing_secret_file_is_refused_by_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PROBE", raising=False)
    monkeypatch.setenv("PROBE_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match="PROBE_FILE cannot be read"):
        env_secret("PROBE")


def test_an_address_survives_being_written_and_read_again() -> None:
    url = Secret("postgresql://us%40er:p%2Fw%3A%40@db.example:6432/na%20me?sslmode=verify-full&sslrootcert=%2Fca.pem")
    address = parse_database_url(url, variable="PROBE")
    assert (address.user, address.password, address.name) == ("us@er", Secret("p/w:@"), "na me")
    assert parse_database_url(address.url(), variable="PROBE") == address
