from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.console import display

ROW_ID = "01a20327-9b86-753b-8a57-46490e85efd8"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("d-agragj4uwrygxo3mhpi2fu6u6u", "d-…i2fu6u6u"),
        (ROW_ID, "…0e85efd8"),
        (f"entra:e4d8d9e0-e959-5534-804c-e0ca0715cb6b/{ROW_ID}", "entra:…0e85efd8"),
        ("local-centralindia-b528392d", "local-centralindia-b528392d"),
        ("operator:alice", "operator:alice"),
        ("/api/v1/workspaces/apollo/services/archive", "…llo/services/archive"),
    ],
)
def test_ids_keep_their_tail_and_names_stay(value: str, shown: str) -> None:
    assert display.shortened(value) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_spans_name_their_two_largest_units(seconds: float, text: str) -> None:
    assert display.span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1024, "1 KiB"),
        (3 * 2**39, "1.5 TiB"),
        (100 * 2**30, "100 GiB"),
        (4097 * 2**30, "4,097 GiB"),
        (4 * 2**40, "4 TiB"),
        (1700 * 2**30, "1,700 GiB"),
        (2**40 + 1, "1 TiB"),
        (1023, "1,023 B"),
    ],
)
def test_sizes_are_human_and_exact_in_the_title(count: int, text: str) -> None:
    shown = display.size(count)
    assert f">{text}<" in shown
    assert f'title="{count} bytes"' in shown


def test_times_are_relative_and_absolute_in_the_title() -> None:
    at = timezone.now() - timedelta(hours=2, minutes=5, seconds=1)
    shown = display.moment(at)
    assert "2 h 5 min ago" in shown
    assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in shown
    assert ">in " in display.moment(timezone.now() + timedelta(minutes=9))


def test_changes_say_what_was_and_what_is() -> None:
    shown = display.change({"state": "queued", "step": "place"}, {"state": "running", "step": "place", "n": 1})
    assert "<b>state</b> queued → running" in shown
    assert "<b>step</b> place<" in shown
    assert "<b>n</b> 1<" in shown


def test_values_of_others_are_never_markup() -> None:
    bad = "<script>"
    for shown in (display.label(bad), display.copyable(bad), display.change({}, {bad: bad}), display.who(bad)):
        assert bad not in shown
