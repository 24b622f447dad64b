"""How long the hops of a way take, and when each of them drops connections: as its own workflow waits for that."""

from __future__ import annotations

from inventory.models import Database, Workspace
from provisioning.beginnings import HOLD, Copying
from provisioning.changes.forecast import copying_seconds, when_copied, when_open, workspaces_of
from provisioning.changes.hops import Hop, Way
from provisioning.changes.plan import Timing, When
from provisioning.durations import expected_seconds
from provisioning.move_windows import KIND as MOVE
from provisioning.move_windows import fits_a_window, whole

LATER = "; what drops connections after that, each in a window of its own"


def seconds_of(hop: Hop, database: Database) -> float:
    """By its size where data are copied, else as long as the table says; a move as it took here."""
    rows = tuple(step.row for step in hop.steps)
    known = copying_seconds(rows, database.size_bytes)
    if known is None and hop.kind == MOVE:
        return expected_seconds(hop.kind)
    return known if known is not None else 60 * sum(row.minutes for row in rows)


def when_on_way(way: Way, database: Database) -> When:
    """The first moment; never, where that is true of any hop."""
    places = workspaces_of(database)
    found = [_when_of(hop, database, places) for hop in way.hops if _drops(hop)]
    never = next((one for one in found if one.timing is Timing.NEVER), None)
    if never is not None or not found:
        return never or When(Timing.NOTHING, "")
    first = found[0]
    is_last = len(found) == 1 or first.timing is not Timing.WINDOW
    return first if is_last else When(first.timing, first.text + LATER)


def _when_of(hop: Hop, database: Database, places: list[Workspace]) -> When:
    """Only what drops connections has to fit into a window: what is copied before is copied online."""
    seconds, switch = seconds_of(hop, database), max(step.row.drop_seconds for step in hop.steps)
    if hop.kind == "convert_to_hyperscale":
        return when_copied(places, Copying(seconds, switch, HOLD))
    copied = Copying(seconds, switch)
    if hop.kind != MOVE:
        return when_copied(places, copied)
    if not any(step.row.copies for step in hop.steps):
        return when_open(places, seconds)
    return when_open(places, whole(copied)) if fits_a_window(copied, places) else when_copied(places, copied)


def _drops(hop: Hop) -> bool:
    return any(step.row.drops for step in hop.steps)
