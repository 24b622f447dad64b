"""Replication links between a primary and its secondaries: the same id on both sides, each with its own view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.arm.answers import page
from simulator.arm.call import Call
from simulator.arm.errors import not_found
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import DATABASE, SERVER, route
from simulator.http import Response, answer
from simulator.moments import iso
from simulator.regions import REGIONS
from simulator.tds.contents import DatabaseContents

if TYPE_CHECKING:
    from simulator.arm.arm import Arm

LINKS = DATABASE + "/replicationLinks"
LINK = LINKS + "/{link}"
TYPE = "replicationLinks"
TYPE_NAME = "Microsoft.Sql/servers/databases/replicationLinks"


def begin_links(call: Call, primary_id: str, secondary: Resource, link: str) -> None:
    """Both sides' links, seeding until the secondary is Online."""
    primary = call.arm.resources.get(primary_id)
    assert primary is not None, "a secondary's source exists"
    join(call.arm, primary, secondary, kind=link.upper(), at=call.now, state="SEEDING")


def join(arm: Arm, primary: Resource, secondary: Resource, *, kind: str, at: float, state: str) -> None:
    """One link, as each side sees it."""
    name = arm.new_id()
    for here, there, role in ((primary, secondary, "Primary"), (secondary, primary, "Secondary")):
        properties = {"role": role, "startTime": iso(at), "replicationState": state, "linkType": kind}
        arm.resources.put(_link(here, there, name=name, properties=properties))


def _link(here: Resource, there: Resource, *, name: str, properties: Body) -> Resource:
    id_ = f"{here.id}/replicationLinks/{name}"
    shown: Body = {
        "partnerServer": there.id.split("/")[8],
        "partnerDatabase": there.name,
        "partnerDatabaseId": there.id,
        "partnerLocation": REGIONS[there.body["location"]].display_name,
        "role": properties["role"],
        "partnerRole": "Secondary" if properties["role"] == "Primary" else "Primary",
        "replicationMode": "ASYNC",
        "startTime": properties["startTime"],
        "percentComplete": 100 if properties["replicationState"] == "CATCH_UP" else 0,
        "replicationState": properties["replicationState"],
        "isTerminationAllowed": True,
        "linkType": properties["linkType"],
    }
    server = here.key.rsplit("/databases/", 1)[0]
    return Resource(id_, TYPE, (here.key, server), {"properties": shown, "id": id_, "name": name})


def links_in_step(resources: Resources, database: Resource) -> None:
    """The secondary has caught up: its links say so on both sides."""
    for link in resources.children(database.key, TYPE):
        for one in filter(None, (link, other_side(resources, link))):
            resources.put(one.changed(properties={"percentComplete": 100, "replicationState": "CATCH_UP"}))


def end_links(resources: Resources, contents: DatabaseContents, database: Resource) -> None:
    """A database that goes takes its links from its partners as well; a secondary left alone is an ordinary one."""
    for link in resources.children(database.key, TYPE):
        end_link(resources, contents, link)


def end_link(resources: Resources, contents: DatabaseContents, link: Resource) -> None:
    """Both sides' rows go; the secondary keeps what it has received, as its own, and its sessions begin anew."""
    other = other_side(resources, link)
    sides = [database_id_of(link), link.properties["partnerDatabaseId"]]
    if link.properties["role"] == "Secondary":
        sides.reverse()
    primary, secondary = map(resources.get, sides)
    if primary is not None and secondary is not None and "online_at" in secondary.inner:
        contents.replace(primary.properties["databaseId"], secondary.properties["databaseId"])
        contents.close(secondary.properties["databaseId"])
    if secondary is not None:
        resources.put(secondary.changed(properties={"secondaryType": None}))
    for one in filter(None, (link, other)):
        resources.delete(one.key)


def database_id_of(link: Resource) -> str:
    """The ARM id of the database on this side of the link."""
    return link.id.rsplit("/replicationLinks/", 1)[0]


def primary_of(resources: Resources, database: Resource) -> Resource | None:
    """The database whose contents this one shows: of a secondary in step with it, its primary."""
    for link in resources.children(database.key, TYPE):
        if link.properties["role"] == "Secondary" and link.properties["replicationState"] == "CATCH_UP":
            return resources.get(link.properties["partnerDatabaseId"])
    return None


def other_side(resources: Resources, link: Resource) -> Resource | None:
    return resources.get(f"{link.properties['partnerDatabaseId']}/replicationLinks/{link.name}")


def _shown(call: Call, link: Resource) -> dict[str, Any]:
    """As recorded of 2023-05-01-preview; until 2014-04-01 with a type and a place, without the partner's id."""
    properties = {**link.properties, "percentComplete": _percent(call, link)}
    if call.api_version > "2014-04-01":
        return {**link.body, "properties": properties}
    kept = {name: value for name, value in properties.items() if name not in ("partnerDatabaseId", "linkType")}
    location = REGIONS[call.server_location()].display_name
    return {"id": link.id, "name": link.name, "type": TYPE_NAME, "location": location, "properties": kept}


def _percent(call: Call, link: Resource) -> int:
    """How much of the time of its seeding has passed; 100 once the secondary is in step."""
    if link.properties["replicationState"] != "SEEDING":
        return int(link.properties["percentComplete"])
    secondary = database_id_of(link) if link.properties["role"] == "Secondary" else link.properties["partnerDatabaseId"]
    seeding = call.arm.operations.running_on(secondary)
    if seeding is None or seeding.due is None:
        return 0
    return min(99, int(100 * (call.now - seeding.started) / max(seeding.due - seeding.started, 1.0)))


@route("GET", LINKS)
def list_links(call: Call) -> Response:
    """By the partner's name, as recorded; never in pages."""
    links = call.arm.resources.seen_children(call.shown(DATABASE).key, TYPE)
    links.sort(key=lambda link: (link.properties["partnerDatabase"], link.properties["partnerServer"]))
    return answer(200, {"value": [_shown(call, one) for one in links]})


@route("GET", LINK)
def get_link(call: Call) -> Response:
    call.shown(DATABASE)
    link = call.arm.resources.seen(call.id(LINK))
    if link is None:
        raise not_found(TYPE_NAME, call.names["link"])
    return answer(200, _shown(call, link))


@route("GET", SERVER + "/replicationLinks")
def list_links_of_server(call: Call) -> Response:
    links = call.arm.resources.seen_children(call.server().key, TYPE)
    return page(call, [one.with_body(**_shown(call, one)) for one in links])
