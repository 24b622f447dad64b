"""What the end of each long-running operation changes, and what takes it back when it fails or is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulator.arm import administrators, auditing, databases, elastic_pools, retention, servers, tde
from simulator.arm.arm import Arm
from simulator.arm.database_bodies import master_body
from simulator.arm.operations import Operation
from simulator.arm.resource_groups import DELETE_WORD
from simulator.arm.resources import Resource, Resources
from simulator.arm.server_load import databases_named, dropped_collection
from simulator.moments import file_time, iso

Forget = Callable[[str], None]


def register(arm: Arm, forget_database: Forget) -> None:
    """Tie every operation's word to its end. `forget_database` hears the databaseId of each dropped database."""
    resources, done = arm.resources, arm.operations.when_done
    done("server", servers.UPSERT, partial(_finish_server, arm), partial(servers.undo_upsert, resources))
    done("server", servers.DROP, partial(_delete_tree, arm, forget_database))
    done("resourceGroup", DELETE_WORD, partial(_delete_tree, arm, forget_database), partial(_undo_group, resources))
    for word in (administrators.CREATE, administrators.UPDATE, administrators.DROP):
        done(administrators.KIND, word, partial(administrators.finish_administrator, resources))
    finish_only = partial(administrators.finish_administrator, resources)
    done(administrators.ONLY_KIND, administrators.ENTRA_ONLY, finish_only)
    for kind in (auditing.PLAIN, auditing.EXTENDED):
        done(kind, auditing.WORD, partial(auditing.finish_auditing, resources))
    _register_databases(arm, forget_database)


def _register_databases(arm: Arm, forget_database: Forget) -> None:
    resources, done = arm.resources, arm.operations.when_done
    for word in (elastic_pools.CREATE, elastic_pools.UPDATE):
        undo = partial(elastic_pools.undo_pool, resources) if word == elastic_pools.CREATE else None
        done("elasticPool", word, partial(elastic_pools.finish_pool, resources), undo)
    done("database", databases.CREATE, partial(_finish_database, arm), lambda one: resources.delete(one.target))
    done("database", databases.UPDATE, partial(_finish_update, arm), partial(_undo_update, arm))
    done("database", databases.DROP, partial(_drop_database, arm, forget_database))
    done(tde.KIND, tde.WORD, partial(tde.finish_tde, resources))
    done(retention.KIND, retention.WORD, partial(retention.finish_retention, resources))


def _finish_server(arm: Arm, operation: Operation) -> None:
    """Show the server; a new one brings its `master`."""
    server = servers.finish_upsert(arm.resources, operation)
    if server is None or not operation.effect["is_new"]:
        return
    root = f"/subscriptions/{operation.subscription}"
    body = master_body(root, server, arm.new_id(), operation.due or operation.started)
    inner = {"used_bytes": databases.EMPTY_BYTES, "tde": "Enabled", "retention_days": 7, "diff_hours": 12}
    arm.resources.put(Resource(body["id"], "databases", (server.key, databases_named("master")), body, inner))


def _delete_tree(arm: Arm, forget_database: Forget, operation: Operation) -> None:
    """A server takes its databases along."""
    for child in arm.resources.below(operation.target):
        if child.type == "databases":
            forget_database(child.properties["databaseId"])
    arm.resources.delete(operation.target)


def _undo_group(resources: Resources, operation: Operation) -> None:
    """A group whose deletion failed is as it was."""
    group = resources.get(operation.target)
    if group:
        resources.put(group.changed(properties={"provisioningState": "Succeeded"}))


def _finish_database(arm: Arm, operation: Operation) -> None:
    database = arm.resources.get(operation.target)
    if database is None:
        return
    at = operation.due or operation.started
    first_restore = iso(at) if database.body["sku"]["tier"] == "Hyperscale" else None
    shown = {"status": "Online", "creationDate": iso(at), "earliestRestoreDate": first_restore}
    arm.resources.put(database.changed(properties=shown, inner={"online_at": at}))


def _finish_update(arm: Arm, operation: Operation) -> None:
    database = arm.resources.get(operation.target)
    if database:
        body = operation.effect["body"]
        arm.resources.put(Resource(database.id, database.type, database.under, body, database.inner, database.order))


def _undo_update(arm: Arm, operation: Operation) -> None:
    """Back to its former size and pool."""
    database = arm.resources.get(operation.target)
    if database:
        under = tuple(operation.effect["before_under"])
        before = operation.effect["before"]
        arm.resources.put(Resource(database.id, database.type, under, before, database.inner, database.order))


def _drop_database(arm: Arm, forget_database: Forget, operation: Operation) -> None:
    """Gone, with its users; it stays restorable on its server."""
    database = arm.resources.get(operation.target)
    if database is None:
        return
    at = operation.due or operation.started
    forget_database(database.properties["databaseId"])
    arm.resources.delete(database.key)
    arm.resources.put(_dropped(database, at))


def _dropped(database: Resource, at: float) -> Resource:
    server_id = database.id.rsplit("/databases/", 1)[0]
    name = f"{database.name},{file_time(at)}"
    id_ = f"{server_id}/restorableDroppedDatabases/{name}"
    before = database.properties
    properties = {
        "databaseName": database.name,
        "maxSizeBytes": before["maxSizeBytes"],
        "creationDate": before["creationDate"],
        "deletionDate": iso(at),
        "earliestRestoreDate": before.get("earliestRestoreDate", before["creationDate"]),
        "backupStorageRedundancy": before["currentBackupStorageRedundancy"],
    }
    body = {
        "sku": database.body["sku"],
        "properties": properties,
        "location": database.body["location"],
        **({"tags": database.body["tags"]} if "tags" in database.body else {}),
        "id": id_,
        "name": name,
        "type": "Microsoft.Sql/servers/restorableDroppedDatabases",
    }
    under = (server_id.lower(), dropped_collection(server_id, database.name))
    until = at + database.inner["retention_days"] * 86_400
    return Resource(id_, "restorableDroppedDatabases", under, body, {"restorable_until": until})
