"""One authenticated ARM request, with what its handler needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from simulator.arm.errors import ArmError, group_not_found, invalid, parent_not_found
from simulator.arm.request_types import checked
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import GROUP, SERVER
from simulator.faults import FaultRule
from simulator.http import Request

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
if TYPE_CHECKING:
    from simulator.arm.arm import Arm


@dataclass(slots=True)
class Call:
    """`names` are the path's parameters as the client spelled them; `fault` is an operation fault to apply, if any."""

    arm: Arm
    request: Request
    names: Mapping[str, str]
    claims: Mapping[str, Any]
    request_id: str
    fault: FaultRule | None = None

    @property
    def now(self) -> float:
        return self.arm.clock.now()

    @property
    def api_version(self) -> str:
        return self.request.query["api-version"]

    def id(self, template: str) -> str:
        """The ARM id of the template's resource in this request's path."""
        return template.format_map(self.names)

    def body(self) -> Body:
        """The JSON object sent; 400 for anything else."""
        try:
            document = orjson.loads(self.request.body.removeprefix(BYTE_ORDER_MARK))
        except orjson.JSONDecodeError as error:
            message = "The request content was invalid and could not be deserialized."
            raise invalid("InvalidRequestContent", message) from error
        if not isinstance(document, dict):
            raise invalid("InvalidRequestContent", "The request content is not a JSON object.")
        return checked(document)

    def group(self) -> Resource:
        """The resource group in the path; 404 when absent."""
        found = self.arm.resources.get(self.id(GROUP))
        if found is None:
            raise group_not_found(self.names["group"])
        return found

    def server(self) -> Resource:
        """The server in the path; the gateway's 404 when absent or not finished."""
        group = self.group()
        found = self.arm.resources.get(self.id(SERVER))
        if found is None or not found.inner["visible"]:
            raise parent_not_found(f"Microsoft.Sql/servers/{self.names['server']}", group.name)
        return found

    def existing(self, template: str) -> Resource:
        """A child of a server, as it truly is; the gateway's 404 when absent."""
        server = self.server()
        return self._found(self.arm.resources.get(self.id(template)), template, server)

    def shown(self, template: str) -> Resource:
        """The same for readers, who may see it stale."""
        server = self.server()
        return self._found(self.arm.resources.seen(self.id(template)), template, server)

    def _found(self, resource: Resource | None, template: str, server: Resource) -> Resource:
        if resource is None:
            path = self.id(template).split("/providers/", 1)[1]
            raise parent_not_found(path, self.names["group"])
        return resource

    def server_location(self) -> str:
        """Where the server in the path is, or is about to be."""
        server = self.arm.resources.get(self.id(SERVER))
        return str(server.body["location"]) if server else ""

    @property
    def who(self) -> str:
        """The caller: an application's id, else the object id."""
        return str(self.claims.get("appid") or self.claims.get("oid") or "")

    def record(self, word: str, target: str) -> None:
        """Note in the ledger that this request changed something."""
        self.arm.ledger.add(
            method=self.request.method,
            resource=target,
            operation=word,
            who=self.who,
            request_id=self.request_id,
            client_request_id=self.request.headers.get("x-ms-client-request-id", ""),
        )


def properties_of(body: Body) -> Body:
    """The `properties` object of a request, empty when left out."""
    properties: Body = body.get("properties", {})
    return properties


def tags_of(body: Body) -> Body | None:
    """The tags of a request: None when left out. Names up to 512, values up to 256 characters, at most 50."""
    tags = body.get("tags")
    if tags is None:
        return None
    if not isinstance(tags, dict) or len(tags) > 50:
        raise ArmError(400, "InvalidTags", "The tags are not an object of at most 50 names.", gateway=True)
    for name, value in tags.items():
        if not isinstance(value, str) or len(name) > 512 or len(value) > 256 or re.search(r"[<>%&\\?/]", name):
            raise ArmError(400, "InvalidTagNameCharacters", f"The tag '{name}' is not valid.", gateway=True)
    return tags
