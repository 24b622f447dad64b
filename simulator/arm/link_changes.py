"""Changes of a replication link: the secondary becomes the primary, or the link ends and both go on alone."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from simulator.arm.arm import Arm
from simulator.arm.call import Call
from simulator.arm.database_changes import check_idle, check_server_idle
from simulator.arm.errors import ArmError, conflict, invalid, not_found
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.replication import LINK, TYPE, TYPE_NAME, database_id_of, end_link, join, other_side
from simulator.arm.resources import Resource, Resources
from simulator.arm.routing import DATABASE, route
from simulator.http import Response
from simulator.tds.contents import DatabaseContents

KIND = "replicationLinks"
FAILOVER, FORCED, STOP = "FailoverContinuousCopy", "ForceFailoverContinuousCopy", "ForceStopDatabaseCopy"


@route("POST", LINK + "/failover")
def fail_over(call: Call) -> Response:
    """202. On the secondary's server: it becomes the primary once it has all that the old one had; sessions end on both."""
    link, primary = _secondary_side(call)
    if link.properties["replicationState"] != "CATCH_UP":
        raise _not_in_step(link)
    check_idle(call, primary)
    _check_secondary_idle(call)
    return _begin(call, link, FAILOVER, call.arm.seconds(27, 42))


@route("POST", LINK + "/forceFailoverAllowDataLoss")
def force_failover(call: Call) -> Response:
    """202. The same without asking the old primary, which is seeded anew as a secondary."""
    link, _ = _secondary_side(call)
    if link.properties["replicationState"] != "CATCH_UP":
        message = "The secondary is in a state where it may not be physically consistent and so cannot enter the primary role."
        raise conflict("GeoReplicationCannotBecomePrimaryDuringUndo", message)
    _check_secondary_idle(call)
    return _begin(call, link, FORCED, call.arm.seconds(5, 10))


@route("DELETE", LINK)
def delete_link(call: Call) -> Response:
    """202, from either side; 404 when there is none. A secondary goes on as a database of its own."""
    database = call.existing(DATABASE)
    link = _existing(call)
    _check_geo(link)
    check_idle(call, database)
    return _begin(call, link, STOP, 0.5)


def _existing(call: Call) -> Resource:
    try:
        UUID(call.names["link"])
    except ValueError as error:
        raise invalid(
            "ReplicationLinksReplicationLinkNameIsInvalid", "Replication link name should be a valid guid."
        ) from error
    link = call.arm.resources.get(call.id(LINK))
    if link is None:
        raise not_found(TYPE_NAME, call.names["link"])
    return link


def _secondary_side(call: Call) -> tuple[Resource, Resource]:
    """The link as the secondary sees it, and the primary. Refuses the primary's side."""
    call.existing(DATABASE)
    link = _existing(call)
    _check_geo(link)
    if link.properties["role"] != "Secondary":
        raise invalid(
            "GeoReplicationDatabaseNotSecondary", "The operation expects the database to be a replication target."
        )
    primary = call.arm.resources.get(link.properties["partnerDatabaseId"])
    assert primary is not None, "a link has two sides"
    return link, primary


def _check_secondary_idle(call: Call) -> None:
    check_idle(call, call.existing(DATABASE))
    check_server_idle(call, call.server())


def _check_geo(link: Resource) -> None:
    if link.properties["linkType"] == "NAMED":
        raise ArmError(
            405,
            "UnsupportedReplicationOperation",
            "An unsupported replication operation was initiated on the database.",
        )


def _not_in_step(link: Resource) -> ArmError:
    message = (
        "The operation expects the database to be in an expected state on the replication link: it is "
        f"{link.properties['replicationState']}."
    )
    return invalid("IncorrectReplicationLinkState", message)


def _begin(call: Call, link: Resource, word: str, seconds: float) -> Response:
    sides = [f"link changes of {one.lower()}" for one in (database_id_of(link), link.properties["partnerDatabaseId"])]
    return accepted(call, kind=KIND, word=word, target=link.id, seconds=seconds, counts=sides)


def register(arm: Arm, contents: DatabaseContents) -> None:
    """Tie the three operations to their ends."""
    for word in (FAILOVER, FORCED):
        arm.operations.when_done(KIND, word, partial(_finish_failover, arm, contents))
    arm.operations.when_done(KIND, STOP, partial(_finish_stop, arm.resources, contents))


def _finish_stop(resources: Resources, contents: DatabaseContents, operation: Operation) -> None:
    link = resources.get(operation.target)
    if link is not None:
        end_link(resources, contents, link)


def _finish_failover(arm: Arm, contents: DatabaseContents, operation: Operation) -> None:
    """Both sides exchange their roles and all sessions end; the old primary's other secondaries follow the new one."""
    resources = arm.resources
    link = resources.get(operation.target)
    other = link and other_side(resources, link)
    if link is None or other is None:
        return
    new, old = resources.get(database_id_of(link)), resources.get(database_id_of(other))
    if new is None or old is None:
        return
    contents.replace(old.properties["databaseId"], new.properties["databaseId"])
    for database in (old, new):
        contents.close(database.properties["databaseId"])
    resources.put(link.changed(properties={"role": "Primary", "partnerRole": "Secondary"}))
    resources.put(other.changed(properties={"role": "Secondary", "partnerRole": "Primary"}))
    resources.put(new.changed(properties={"secondaryType": None}))
    resources.put(old.changed(properties={"secondaryType": "Geo"}))
    _take_followers(arm, contents, old, new, operation.due or operation.started)


def _take_followers(arm: Arm, contents: DatabaseContents, old: Resource, new: Resource, at: float) -> None:
    for link in arm.resources.children(old.key, TYPE):
        follower = arm.resources.get(link.properties["partnerDatabaseId"])
        if link.properties["role"] != "Primary" or follower is None:
            continue
        end_link(arm.resources, contents, link)
        follower = arm.resources.get(follower.key)
        assert follower is not None
        join(arm, new, follower, kind="GEO", at=at, state="CATCH_UP")
        arm.resources.put(follower.changed(properties={"secondaryType": "Geo"}))
