"""Into Hyperscale and back: online at first, then a switch at which every session ends, and for a while nobody comes in. The
way in goes in phases that can be watched, and held before the switch (Microsoft: convert a database to Hyperscale, 2026)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.arm.call import Call
from simulator.arm.database_sizes import Place
from simulator.arm.errors import conflict, invalid
from simulator.arm.operations import CANCELLED, Operation
from simulator.arm.polling import told_again
from simulator.arm.resources import Body, Resource, Resources
from simulator.http import Response
from simulator.tds.contents import DatabaseContents
from simulator.tds.directory import TABLES

GB = 1024**3
SECONDS_PER_GB = 30.0  # between storage families; Azure says: typically under a minute
HELD_SECONDS = 86_400.0
LOG, COPY, BUILD, CATCH_UP = "LogTransitionInProgress", "Copying", "BuildingHyperscaleComponents", "Catchup"
WAITING, CUTOVER, DROP = "WaitingForCutover", "CutoverInProgress", "drop"
SHARES = {LOG: 0.2, COPY: 0.2, BUILD: 0.3, CATCH_UP: 0.3}  # of what does not depend on the size
NOT_CUT_OVER = {
    **CANCELLED,
    "message": "The operation has been cancelled: the cutover was not performed within 24 hours.",
}  # the documentation gives 24 hours and does not say what follows; that it is cancelled is our reading


@dataclass(frozen=True, slots=True)
class Course:
    """How many seconds it takes, and the stages within, each with its seconds before the end. `stage` is the phase shown at
    first; empty: none ever is."""

    seconds: float
    stages: list[tuple[str, float]]
    stage: str = ""

    def effect(self) -> Body:
        return {"stages": self.stages, "stage": self.stage, "phased": bool(self.stage)}


def course_of(call: Call, database: Resource, place: Place, used: int, asked: Body) -> Course:
    """As recorded; between storage families (General Purpose, Business Critical, Hyperscale) longer by size, and into other
    zones too, whose premium file shares are other storage (Microsoft: scale elastic pool resources, 2025)."""
    before = database.body["sku"]["tier"]
    held = _is_held(asked, before, place)
    copying = SECONDS_PER_GB * used / GB
    if family(before) == family(place.tier):
        moved = copying if _changes_zones(call, database, place, asked) else 0.0
        return Course(call.arm.seconds(30, 76) + moved, [])
    if place.is_hyperscale:
        return _converted(call, copying, held=held, drops_first=family(before) == "local")
    if before != "Hyperscale":
        return Course(call.arm.seconds(60, 120) + copying, [])
    outage = call.arm.seconds(60, 180)
    return Course(call.arm.seconds(60, 120) + copying + outage, [(CUTOVER, outage)])


def _converted(call: Call, copying: float, *, held: bool, drops_first: bool) -> Course:
    """Less than a minute of cutover at the end (99 of 100), or at most a day of waiting for somebody to ask for it."""
    rest, outage = call.arm.seconds(300, 550), call.arm.seconds(15, 50)
    last = (WAITING, HELD_SECONDS) if held else (CUTOVER, outage)
    stages = [last]
    for name in (CATCH_UP, BUILD, COPY):
        stages.insert(0, (name, stages[0][1] + SHARES[name] * rest + (copying if name == COPY else 0.0)))
    if drops_first:  # Premium and Business Critical lose their sessions in the first phase
        stages.insert(0, (DROP, stages[0][1] + SHARES[LOG] * rest / 2))
    return Course(stages[0][1] + SHARES[LOG] * rest / (2 if drops_first else 1), stages, LOG)


def _changes_zones(call: Call, database: Resource, place: Place, asked: Body) -> bool:
    """Whether it leaves zone redundancy, or comes into it; a Hyperscale database never does."""
    if place.is_hyperscale:
        return False
    pool = call.arm.resources.get(database.properties.get("elasticPoolId") or "")
    before = (pool or database).properties.get("zoneRedundant", False)
    after = place.pool.properties.get("zoneRedundant", False) if place.pool else asked.get("zoneRedundant", before)
    return bool(before) != bool(after)


def _is_held(asked: Body, before: str, place: Place) -> bool:
    """Whether the cutover waits for somebody. 400 for any change that is no conversion to Hyperscale."""
    if not asked.get("manualCutover"):
        return False
    if before == "Hyperscale" or not place.is_hyperscale:
        message = "Manual cutover is only supported when the service tier changes to Hyperscale."
        raise invalid("ManualCutoverUnsupported", message)
    return True


def family(tier: str) -> str:
    """Which storage a tier is on: remote, pages (Hyperscale) or local."""
    return {"Basic": "remote", "Standard": "remote", "GeneralPurpose": "remote", "Hyperscale": "pages"}.get(
        tier, "local"
    )


def perform_cutover(call: Call, database: Resource) -> Response:
    """202 with the conversion's own poll URLs; 400 where none waits, 409 where it has begun."""
    running = call.arm.operations.running_on(database.key)
    stage = running.effect.get("stage") if running else None
    if running is not None and stage != WAITING:
        message = f"The database '{database.name}' is not waiting for a cutover: another operation is in progress."
        raise conflict("ConflictingDatabaseOperation", message)
    if running is None:
        message = f"No operation on the database '{database.name}' waits for a cutover."
        raise invalid("ManualCutoverUnsupported", message)
    outage = call.arm.seconds(15, 50)
    effect = {**running.effect, "stages": [(CUTOVER, outage)]}
    call.arm.operations.resume(replace(running, error=None, due=call.now + outage, effect=effect))
    call.arm.operations.settle()
    call.record("PerformCutover", database.id)
    return told_again(call, running)


def pass_stage(resources: Resources, contents: DatabaseContents, operation: Operation) -> Operation:
    """What the beginning of a stage does: the switch ends every session, and nobody signs in until it is over."""
    stage, database = operation.effect["stage"], resources.get(operation.target)
    if operation.error is not None and stage in (WAITING, CUTOVER):
        return replace(operation, due=operation.effect["stage_since"])  # it was to fail: before anybody notices
    if stage == WAITING:
        return replace(operation, error=NOT_CUT_OVER)
    if stage == DROP:
        operation = replace(operation, effect={**operation.effect, "stage": LOG})
    if database is not None and stage in (DROP, CUTOVER):
        contents.close(database.properties["databaseId"])
        resources.put(database.changed(inner={"unavailable": True} if stage == CUTOVER else {}))
    return operation


def available(inner: Body) -> Body:
    """After the switch, whatever came of it."""
    return {name: value for name, value in inner.items() if name != "unavailable"}


def check_conversion(call: Call, database: Resource, place: Place) -> None:
    """The way into Hyperscale: not from Basic, with in-memory objects, several replicas, or out of zones into none."""
    before = database.body["sku"]["tier"]
    if not place.is_hyperscale or before == "Hyperscale":
        return
    if before == "Basic":
        raise _refused("A database of tier Basic cannot become a Hyperscale database directly.")
    _check_links(call, database)
    pool = call.arm.resources.get(database.properties.get("elasticPoolId") or "")
    leaves_zones = (
        place.pool and pool and pool.properties["zoneRedundant"] and not place.pool.properties["zoneRedundant"]
    )
    if leaves_zones:
        raise _refused("A database of a zone redundant pool cannot go to a Hyperscale pool without zone redundancy.")
    if has_memory_optimized(call, database):
        message = "The database cannot update its sku because it has memory-optimized objects."
        raise invalid("TierChangeUnsupportedDueToMemoryOptimizedObject", message)


def _check_links(call: Call, database: Resource) -> None:
    links = call.arm.resources.children(database.key, "replicationLinks")
    if any(link.properties["role"] == "Secondary" for link in links):
        raise _refused(
            f"A geo-secondary replica '{database.name}' cannot be converted to Hyperscale. To convert both the primary "
            "and geo-secondary replicas to Hyperscale, retry the operation on the primary replica."
        )
    if len(links) > 1:
        raise _refused("Only a database with at most one geo-secondary replica can be converted to Hyperscale.")


def has_memory_optimized(call: Call, database: Resource) -> bool:
    tables = call.arm.store.items(TABLES, prefix=f"{database.properties['databaseId']}/")
    return any(document.get("memory_optimized") for _, document in tables)


def check_reverse(call: Call, database: Resource, place: Place) -> None:
    """The way back: within 45 days of a conversion, from single to single General Purpose, 2 vCores or more, no replicas."""
    if place.is_hyperscale or database.body["sku"]["tier"] != "Hyperscale":
        return
    single = place.tier == "GeneralPurpose" and place.pool is None and "elasticPoolId" not in database.properties
    small = place.dtus < 200
    linked = call.arm.resources.count(database.key, "replicationLinks") > 0
    if not single or small or linked or call.now > database.inner.get("reversible_until", 0.0):
        message = (
            "Only a database that was converted to Hyperscale within the last 45 days and has no replicas can go back, as "
            "a single database of tier General Purpose with at least 2 vCores."
        )
        raise invalid("HyperscaleReverseMigrationNotSupported", message)


def _refused(message: str) -> Exception:
    return invalid("ChangeUnsupportedOnEntity", message)
