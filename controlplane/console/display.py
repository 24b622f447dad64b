"""How values look: times relative, sizes human, states coloured, ids short; the whole value is always one hover away."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

NOTHING = mark_safe('<span class="c-muted">–</span>')
KEPT_CHARACTERS = 8
LONGEST_NAME = 32
KEPT_OF_PATHS = 20
MADE_NAME = re.compile(r"[a-z]-[a-z2-7]{26}(-[a-z]+)?")
ROW_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

GOOD, BUSY, WARNING, BAD, QUIET = "good", "busy", "warning", "bad", "quiet"
TONES = {
    "ready": GOOD, "succeeded": GOOD, "active": GOOD, "next": GOOD, "done": GOOD, "online": GOOD, "yes": GOOD,
    "creating": BUSY, "updating": BUSY, "deleting": BUSY, "running": BUSY, "queued": BUSY, "wait": BUSY, "staged": BUSY,
    "needs_attention": BAD, "attention": BAD, "failed": BAD, "error": BAD, "crashed": BAD, "absent": BAD,
    "cancelled": WARNING, "cordoned": WARNING, "refused": WARNING, "throttled": WARNING, "lost": WARNING,
    "unfinished": WARNING, "waiting": BUSY, "retrying": WARNING, "handed back": QUIET,
    "critical": BAD, "high": WARNING, "medium": WARNING, "open": WARNING, "repairing": BUSY, "resolved": GOOD,
}  # fmt: skip


def label(text: str, tone: str = QUIET, *, title: str = "") -> SafeString:
    """A coloured word. The colour repeats what the word says, for nobody must depend on it."""
    return format_html('<span class="c-label c-{}" title="{}">{}</span>', tone, title, text)


def state(value: str) -> SafeString:
    """A state or an outcome in the colour that it has everywhere."""
    return label(value.replace("_", " "), TONES.get(value.lower(), QUIET)) if value else NOTHING


def moment(at: datetime | None, *, never: str = "") -> SafeString:
    """How long ago, or how soon; the absolute time (UTC) in the title."""
    if at is None:
        return format_html('<span class="c-muted">{}</span>', never) if never else NOTHING
    seconds = (timezone.now() - at).total_seconds()
    text = f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"
    shown = at.astimezone(timezone.get_default_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{shown:%Y-%m-%d %H:%M:%S} UTC", text
    )


def span(seconds: float | timedelta) -> str:
    """A duration in its two largest units, e.g. `3 h 5 min`."""
    left = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    parts: list[str] = []
    for length, unit in SPANS:
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def size(value: int | None) -> SafeString:
    """Bytes in the largest binary unit that keeps the number above one; in the next smaller one where only that is exact, so
    that 4097 GiB do not pass for 4 TiB."""
    if value is None:
        return NOTHING
    unit = min(max(abs(value).bit_length() - 1, 0) // 10, len(SIZE_UNITS) - 1)
    if unit and not _is_exact(value, unit) and _is_exact(value, unit - 1):
        unit -= 1
    text = f"{value / 1024**unit:,.2f}".rstrip("0").rstrip(".")
    return format_html('<span class="c-figure" title="{} bytes">{} {}</span>', value, text, SIZE_UNITS[unit])


def _is_exact(value: int, unit: int) -> bool:
    """True where two decimals of that unit say it all."""
    return (value * 100) % int(1024**unit) == 0


def figure(text: str) -> SafeString:
    """A number with its unit, never broken over two lines."""
    return format_html('<span class="c-figure">{}</span>', text)


def shortened(value: str) -> str:
    """The tail of an id: ours begin with the time, so only the end tells neighbours apart. Names that people know stay."""
    if MADE_NAME.fullmatch(value):
        return f"{value[:2]}…{value[-KEPT_CHARACTERS:]}"
    if ROW_ID.search(value):
        scheme = value.partition(":")[0] + ":" if ":" in value else ""
        return f"{scheme}…{value[-KEPT_CHARACTERS:]}"
    return value if len(value) <= LONGEST_NAME else f"…{value[-KEPT_OF_PATHS:]}"


def who(actor: str) -> SafeString:
    """An actor; directory and object of an Entra principal are shortened."""
    return copyable(actor) if shortened(actor) != actor else format_html("{}", actor)


def copyable(value: object) -> SafeString:
    """A long id, shortened, with a button that copies the whole."""
    text = str(value or "")
    if not text:
        return NOTHING
    name = format_html('<span title="{}">{}</span>', text, shortened(text))
    return format_html('<span class="c-id">{}{}</span>', name, _copy_button(text))


def link(address: str, text: str, *, title: str = "") -> SafeString:
    return format_html('<a class="c-link" href="{}" title="{}">{}</a>', address, title or text, text)


def row_link(row: Any, text: str = "") -> SafeString:
    """A link to a row's own page, with its name to copy; nothing for no row."""
    if row is None:
        return NOTHING
    name = str(row)
    if text:
        return link(row_address(row), text, title=name)
    return format_html(
        '<a class="c-link c-figure" href="{}" title="{}">{}</a>', row_address(row), name, shortened(name)
    )


def row_address(row: Any) -> str:
    """Where the console shows this row."""
    return page_address(type(row), "change", row.pk)


def page_address(model: Any, page: str, *arguments: object) -> str:
    """The address of a model's list (`changelist`) or of one row (`change`)."""
    return reverse(f"console:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def bar(used: float, limit: float, text: str) -> SafeString:
    """A filled bar with its figures in words beside it."""
    share = 100 * used / limit if limit else 0.0
    tone = BAD if share > 95 else WARNING if share > 90 else GOOD
    return format_html(
        '<span class="c-bar" role="img" aria-label="{2} %, {3}" title="{2} %">'
        '<span class="c-fill c-{1}" style="width:{0}%"></span></span><span class="c-figure">{3}</span>',
        f"{min(share, 100):.1f}",
        tone,
        f"{share:.0f}",
        text,
    )


def document(value: object, *, summary: str = "show") -> SafeString:
    """A JSON value as people read it, folded below `summary` where it is long."""
    if not value:
        return NOTHING
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    if text.count("\n") <= 6:
        return format_html('<pre class="c-json">{}</pre>', text)
    return format_html('<details><summary>{}</summary><pre class="c-json">{}</pre></details>', summary, text)


def change(before: dict[str, Any], after: dict[str, Any]) -> SafeString:
    """What an event changed, one line a property; folded where there are many."""
    names = sorted({*before, *after})
    if not names:
        return NOTHING
    text = format_html_join("", "<div><b>{}</b> {}</div>", ((name, _step(before, after, name)) for name in names))
    return (
        text if len(names) <= 4 else format_html("<details><summary>{} values</summary>{}</details>", len(names), text)
    )


def _step(before: dict[str, Any], after: dict[str, Any], name: str) -> str:
    """`old → new`, or one value where there is no other."""
    values = [_plain(side[name]) for side in (before, after) if name in side]
    return " → ".join(dict.fromkeys(values))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def joined(*values: SafeString) -> SafeString:
    """Several values beside each other."""
    return format_html_join("", "{}", ((value,) for value in values))


def _copy_button(text: str) -> SafeString:
    return format_html(
        '<button type="button" class="c-copy material-symbols-outlined" data-copy="{0}" title="Copy {0}"'
        ' aria-label="Copy {0}">content_copy</button>',
        text,
    )
