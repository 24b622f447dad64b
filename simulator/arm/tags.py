"""Tags of any resource by Resource Manager's own address: read, replaced, merged and taken away, at once."""

from __future__ import annotations

from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.errors import ArmError, conflict, parent_not_found
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import DATABASE, GROUP, POOL, SERVER, route
from simulator.http import Response, answer

TAGS = "/providers/Microsoft.Resources/tags/{tags}"
OPERATIONS = ("Replace", "Merge", "Delete")


def get_tags(call: Call) -> Response:
    return _shown(_target(call))


def put_tags(call: Call) -> Response:
    """Replaces all of them."""
    return _changed(call, tags_of(properties_of(call.body())) or {})


def patch_tags(call: Call) -> Response:
    """`operation` is Replace, Merge, or Delete (those named with these very values)."""
    body = call.body()
    operation, given = body.get("operation"), tags_of(properties_of(body)) or {}
    if operation not in OPERATIONS:
        message = f"The tags operation '{operation}' is not one of {', '.join(OPERATIONS)}."
        raise ArmError(400, "InvalidTagsOperation", message, gateway=True)
    before: dict[str, str] = _target(call).body.get("tags") or {}
    if operation == "Merge":
        given = {**before, **given}
    elif operation == "Delete":
        given = {name: value for name, value in before.items() if given.get(name) != value}
    return _changed(call, given)


def delete_tags(call: Call) -> Response:
    """200 without a body."""
    _changed(call, {})
    return Response(200)


def _target(call: Call) -> Resource:
    id_ = call.request.path.lower().partition("/providers/microsoft.resources/")[0]
    found = call.arm.resources.get(id_)
    call.group()
    if found is None or not found.inner.get("visible", True):
        raise parent_not_found(id_.rpartition("/providers/")[2], call.names["group"])
    return found


def _changed(call: Call, tags: Body) -> Response:
    target = _target(call)
    if call.arm.operations.running_on(target.key):
        raise conflict("AnotherOperationInProgress", "Another operation on this or dependent resource is in progress.")
    changed = target.with_body(tags=tags)
    call.arm.resources.put(changed)
    call.record("WriteTags", target.id)
    return _shown(changed)


def _shown(target: Resource) -> Response:
    document = {
        "id": f"{target.id}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": target.body.get("tags") or {}},
    }
    return answer(200, document)


for _scope in (GROUP, SERVER, POOL, DATABASE):
    route("GET", _scope + TAGS)(get_tags)
    route("PUT", _scope + TAGS)(put_tags)
    route("PATCH", _scope + TAGS)(patch_tags)
    route("DELETE", _scope + TAGS)(delete_tags)
