"""Credentials that near their end, on the first page: a banner while there are any, a figure, and which ones."""

from __future__ import annotations

from controlplane.console.display import BAD, NOTHING, WARNING, moment, page_address, row_link
from controlplane.console.tables import Notice, Table
from controlplane.console.targets import name_of
from operations import clock
from rotation.expiry import threshold
from rotation.models import Credential
from rotation.outlook import Outlook, ending_soon

SHOWN = 10
URGENT_DAYS = 7  # less than this, and an automatic rotation has failed for weeks


def banners(seen: Outlook) -> list[Notice]:
    """What must be read before anything else; nothing while all is renewed in time."""
    return [found for found in (_credentials(seen), _administrators(seen), _own_secret(seen)) if found]


def tone_of(seen: Outlook) -> str:
    return BAD if seen.within[URGENT_DAYS] else WARNING


def ending_table() -> Table:
    rows = [
        (
            row_link(one, name_of(one.database)),
            moment(one.valid_until),
            one.failures or NOTHING,
            moment(one.rotate_after),
        )
        for one in ending_soon()[:SHOWN]
    ]
    headings = ("Credential of", "Ends", "Failed rotations", "Next try")
    more = f"{page_address(Credential, 'changelist')}?status__exact=active"
    empty = "Every credential was renewed in time."
    return Table("Credentials that end soon", headings, rows, empty, more=more, name="ending")


def _credentials(seen: Outlook) -> Notice | None:
    """The worst threshold that any has passed, in words."""
    passed = [days for days, count in sorted(seen.within.items()) if count]
    if not passed:
        return None
    days, count = passed[0], seen.within[passed[0]]
    first = _first_ends(seen)
    text = f"{first} {seen.within[max(seen.within)]} in all end within {max(seen.within)} days; {seen.failing} fail to rotate."
    return Notice(BAD if days <= URGENT_DAYS else WARNING, _said(count, days), text)


def _said(count: int, days: int) -> str:
    many = "1 credential" if count == 1 else f"{count:,} credentials"
    if not days:
        return f"{many} {'has' if count == 1 else 'have'} EXPIRED"
    return f"{many} {'ends' if count == 1 else 'end'} within {'a day' if days == 1 else f'{days} days'}"


def _first_ends(seen: Outlook) -> str:
    assert seen.first_ends_at is not None, "one has passed a threshold"
    word = "ended" if seen.within[0] else "ends"
    return f"The first {word} {seen.first_ends_at:%d %b %Y, %H:%M} UTC."


def _administrators(seen: Outlook) -> Notice | None:
    ends_at = seen.administrator_first_ends_at
    days = threshold(ends_at - clock.now()) if ends_at else None
    if ends_at is None or days is None:
        return None
    many = "1 server" if seen.administrators == 1 else f"{seen.administrators:,} servers"
    state = f"ends within {days} days" if days else "has EXPIRED"
    text = f"Of {many}; the first ends {ends_at:%d %b %Y, %H:%M} UTC. Look at operations rotate_server_admin."
    return Notice(BAD if days <= URGENT_DAYS else WARNING, f"A server's administrator's password {state}", text)


def _own_secret(seen: Outlook) -> Notice | None:
    ends_at = seen.own_secret_ends_at
    days = threshold(ends_at - clock.now()) if ends_at else None
    if ends_at is None or days is None:
        return None
    state = f"ends within {days} days" if days else "has EXPIRED"
    text = f"It ends {ends_at:%d %b %Y, %H:%M} UTC. Make a new one in Entra ID and give it to every process."
    return Notice(BAD if days <= URGENT_DAYS else WARNING, f"This control plane's own client secret {state}", text)
