"""Replication links between a primary and its secondaries: the same id on both sides, each with its own view."""

from __future__ import annotations

from typing import Any

from simulator.arm.answers import page
from simulator.arm.call import Call
from simulator.arm.errors import not_found
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import DATABASE, SERVER, route
from simulator.http import Response, answer
from simulator.moments import iso
from simulator.regions import REGIONS

LINKS = DATABASE + "/replicationLinks"
LINK = LINKS + "/{link}"
TYPE = "replicationLinks"


def begin_links(call: Call, primary_id: str, secondary: Resource, link: str) -> None:
    """Both sides' links, seeding until the secondary is Online."""
    primary = call.arm.resources.get(primary_id)
    assert primary is not None, "a secondary's source exists"
    name = call.arm.new_id()
    for here, there, role in ((primary, secondary, "Primary"), (secondary, primary, "Secondary")):
        call.arm.resources.put(_link(call, here, there, name=name, role=role, kind=link.upper()))


def _link(call: Call, here: Resource, there: Resource, *, name: str, role: str, kind: str) -> Resource:
    id_ = f"{here.id}/replicationLinks/{name}"
    properties: Body = {
        "partnerServer": there.id.split("/")[8],
        "partnerDatabase": there.name,
        "partnerDatabaseId": there.id,
        "partnerLocation": REGIONS[there.body["location"]].display_name,
        "role": role,
        "partnerRole": "Secondary" if role == "Primary" else "Primary",
        "replicationMode": "ASYNC",
        "startTime": iso(call.now),
        "percentComplete": 0,
        "replicationState": "SEEDING",
        "isTerminationAllowed": True,
        "linkType": kind,
    }
    server = here.key.rsplit("/databases/", 1)[0]
    return Resource(id_, TYPE, (here.key, server), {"properties": properties, "id": id_, "name": name})


def links_in_step(resources: Resources, database: Resource) -> None:
    """The secondary has caught up: its links say so on both sides."""
    for link in resources.children(database.key, TYPE):
        for one in filter(None, (link, _other(resources, link))):
            resources.put(one.changed(properties={"percentComplete": 100, "replicationState": "CATCH_UP"}))


def end_links(resources: Resources, database: Resource) -> None:
    """A database that goes takes its links from its partners as well; a secondary left alone is an ordinary one."""
    for link in resources.children(database.key, TYPE):
        other = _other(resources, link)
        if other is not None:
            resources.delete(other.key)
        partner = resources.get(link.properties["partnerDatabaseId"])
        if partner is not None and link.properties["partnerRole"] == "Secondary":
            resources.put(partner.changed(properties={"secondaryType": None}))
        resources.delete(link.key)


def _other(resources: Resources, link: Resource) -> Resource | None:
    return resources.get(f"{link.properties['partnerDatabaseId']}/replicationLinks/{link.name}")


def _shown(call: Call, link: Resource) -> dict[str, Any]:
    """Until 2014-04-01 and in 2023-05-01-preview as recorded: the type stands in the old form alone."""
    if call.api_version > "2014-04-01":
        return link.body
    kept = {name: value for name, value in link.properties.items() if name not in ("partnerDatabaseId", "linkType")}
    location = REGIONS[call.server_location()].display_name
    type_ = "Microsoft.Sql/servers/databases/replicationLinks"
    return {"id": link.id, "name": link.name, "type": type_, "location": location, "properties": kept}


@route("GET", LINKS)
def list_links(call: Call) -> Response:
    database = call.shown(DATABASE)
    return answer(200, {"value": [_shown(call, one) for one in call.arm.resources.seen_children(database.key, TYPE)]})


@route("GET", LINK)
def get_link(call: Call) -> Response:
    call.shown(DATABASE)
    link = call.arm.resources.seen(call.id(LINK))
    if link is None:
        raise not_found("Microsoft.Sql/servers/databases/replicationLinks", call.names["link"])
    return answer(200, _shown(call, link))


@route("GET", SERVER + "/replicationLinks")
def list_links_of_server(call: Call) -> Response:
    return page(call, call.arm.resources.seen_children(call.server().key, TYPE))
