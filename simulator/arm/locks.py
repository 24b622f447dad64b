"""Management locks: what stands below one is not deleted (CanNotDelete) or not changed at all (ReadOnly)."""

from __future__ import annotations

from simulator.arm.call import Call, properties_of
from simulator.arm.errors import ArmError, parent_not_found
from simulator.arm.resources import Resource
from simulator.arm.routing import DATABASE, GROUP, POOL, SERVER, SUBSCRIPTION, route
from simulator.http import Response, answer

TYPE = "Microsoft.Authorization/locks"
LEVELS = ("CanNotDelete", "ReadOnly")
ALL_LOCKS = "/locks"
TYPE_NAME = "locks"
SCOPES = (SUBSCRIPTION, GROUP, SERVER, POOL, DATABASE)


def check_locks(call: Call) -> None:
    """409 where a lock on the way to the resource (or, for a deletion, below it) forbids the request."""
    locks = call.arm.resources.children(ALL_LOCKS, TYPE_NAME)
    path = call.request.path.lower()
    if not locks or f"/{TYPE.lower()}" in path:
        return
    deletes = call.request.method == "DELETE"
    held = [lock for lock in locks if _holds(lock, path, deletes=deletes)]
    if held:
        word = "delete" if deletes else "write"
        scopes = ",".join(lock.inner["scope"] for lock in held)
        message = (
            f"The scope '{call.request.path}' cannot perform {word} operation because following scope(s) are locked: "
            f"'{scopes}'. Please remove the lock and try again."
        )
        raise ArmError(409, "ScopeLocked", message, gateway=True)


def _holds(lock: Resource, path: str, *, deletes: bool) -> bool:
    scope = lock.inner["scope"].lower()
    if f"{path}/".startswith(f"{scope}/"):
        return deletes or lock.properties["level"] == "ReadOnly"
    return deletes and scope.startswith(f"{path}/")


def put_lock(call: Call) -> Response:
    """201 for a new lock, 200 for a changed one."""
    scope = _scope(call)
    properties = properties_of(call.body())
    level = properties.get("level")
    if level not in LEVELS:
        message = f"The lock level '{level}' is not one of {', '.join(LEVELS)}."
        raise ArmError(400, "InvalidLockLevel", message, gateway=True)
    id_ = f"{scope}/providers/{TYPE}/{call.names['lock']}"
    notes = {"notes": properties["notes"]} if properties.get("notes") else {}
    body = {"properties": {"level": level, **notes}, "id": id_, "type": TYPE, "name": call.names["lock"]}
    is_new = call.arm.resources.get(id_) is None
    call.arm.resources.put(Resource(id_, TYPE_NAME, (ALL_LOCKS, scope.lower()), body, {"scope": scope}))
    call.record("PutLock", id_)
    return answer(201 if is_new else 200, body)


def _scope(call: Call) -> str:
    """What the lock stands on; the gateway's 404 when that is absent."""
    scope = call.request.path[: call.request.path.lower().index(f"/providers/{TYPE}".lower())]
    found = call.arm.resources.get(scope)
    if found is None and scope.count("/") > 2:
        raise parent_not_found(scope.split("/providers/", 1)[-1], call.names.get("group", ""))
    return found.id if found else scope


def get_lock(call: Call) -> Response:
    found = call.arm.resources.get(call.request.path)
    if found is None:
        raise ArmError(404, "LockNotFound", f"The lock '{call.names['lock']}' could not be found.", gateway=True)
    return answer(200, found.body)


def list_locks(call: Call) -> Response:
    """The locks on this scope and below it."""
    scope = _scope(call).lower()
    locks = call.arm.resources.children(ALL_LOCKS, TYPE_NAME)
    return answer(
        200, {"value": [lock.body for lock in locks if f"{lock.inner['scope'].lower()}/".startswith(f"{scope}/")]}
    )


def delete_lock(call: Call) -> Response:
    """200, or 204 when there is none."""
    found = call.arm.resources.get(call.request.path)
    if found is None:
        return Response(204)
    call.arm.resources.delete(found.key)
    call.record("DeleteLock", found.id)
    return Response(200)


for _template in SCOPES:
    _locks = f"{_template}/providers/{TYPE}"
    route("GET", _locks)(list_locks)
    route("PUT", _locks + "/{lock}")(put_lock)
    route("GET", _locks + "/{lock}")(get_lock)
    route("DELETE", _locks + "/{lock}")(delete_lock)
