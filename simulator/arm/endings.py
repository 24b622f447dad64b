"""What the end of each long-running operation changes, and what takes it back when it fails or is cancelled."""

from __future__ import annotations

from functools import partial

from simulator.arm import (
    administrators,
    auditing,
    databases,
    elastic_pools,
    failovers,
    key_actions,
    link_changes,
    long_term_retention,
    private_endpoints,
    retention,
    server_keys,
    servers,
    tde,
)
from simulator.arm.arm import Arm
from simulator.arm.conversions import available, pass_stage
from simulator.arm.database_bodies import master_body
from simulator.arm.database_changes import CREATE, UPDATE
from simulator.arm.limits import EMPTY_BYTES
from simulator.arm.operations import Operation
from simulator.arm.origins import COPY, RESTORE
from simulator.arm.replication import end_links, links_in_step
from simulator.arm.resource_groups import DELETE_WORD
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.server_load import databases_named, dropped_collection
from simulator.arm.storage import stored_bytes_of
from simulator.arm.switches import switch_database, switch_pool
from simulator.arm.versions import restore_point
from simulator.moments import file_time, iso
from simulator.tds.contents import DatabaseContents

SWEPT = 20
REVERSIBLE_SECONDS = 45 * 86_400.0


def register(arm: Arm, contents: DatabaseContents) -> None:
    """Tie every operation's word to its end. `contents` is what databases hold on the SQL side."""
    resources, done = arm.resources, arm.operations.when_done
    done("server", servers.UPSERT, partial(_finish_server, arm), partial(servers.undo_upsert, resources))
    done("server", servers.DROP, partial(_delete_tree, arm, contents))
    done("resourceGroup", DELETE_WORD, partial(_delete_tree, arm, contents), partial(_undo_group, resources))
    for word in (administrators.CREATE, administrators.UPDATE, administrators.DROP):
        done(administrators.KIND, word, partial(administrators.finish_administrator, resources))
    finish_only = partial(administrators.finish_administrator, resources)
    done(administrators.ONLY_KIND, administrators.ENTRA_ONLY, finish_only)
    for word in (private_endpoints.UPSERT, private_endpoints.DROP):
        done(private_endpoints.KIND, word, partial(private_endpoints.finish_connection, resources))
    for kind in (auditing.PLAIN, auditing.EXTENDED):
        done(kind, auditing.WORD, partial(auditing.finish_auditing, resources))
    _register_databases(arm, contents)


def _register_databases(arm: Arm, contents: DatabaseContents) -> None:
    resources, done = arm.resources, arm.operations.when_done
    for word in (elastic_pools.CREATE, elastic_pools.UPDATE):
        undo = partial(elastic_pools.undo_pool, resources) if word == elastic_pools.CREATE else None
        done("elasticPool", word, partial(_finish_pool, resources, contents), undo)
    for word in (CREATE, COPY, RESTORE):
        done("database", word, partial(_finish_database, arm, contents), partial(_undo_database, arm, contents))
    done("database", UPDATE, partial(_finish_update, arm, contents), partial(_undo_update, arm))
    arm.operations.when_passed("database", UPDATE, partial(pass_stage, resources, contents))
    done("database", databases.DROP, partial(_drop_database, arm, contents))
    for kind in ("database", "elasticPool"):
        done(kind, failovers.WORD, partial(failovers.finish_failover, resources, contents))
    link_changes.register(arm, contents)
    key_actions.register(arm)
    server_keys.register(arm)
    arm.key_watch.tell(contents)
    done(tde.KIND, tde.WORD, partial(tde.finish_tde, resources))
    done(retention.KIND, retention.WORD, partial(retention.finish_retention, resources))
    finish_long_term = partial(long_term_retention.finish_long_term, resources)
    done(long_term_retention.KIND, long_term_retention.WORD, finish_long_term)


def _finish_server(arm: Arm, operation: Operation) -> None:
    """Show the server; a new one brings its `master`."""
    server = servers.finish_upsert(arm.resources, operation)
    if server is None or not operation.effect["is_new"]:
        return
    root = f"/subscriptions/{operation.subscription}"
    body = master_body(root, server, arm.new_id(), operation.due or operation.started)
    inner: Body = {"used_bytes": EMPTY_BYTES, "tde": "Enabled", "retention_days": 7, "diff_hours": 12}
    arm.resources.put(Resource(body["id"], "databases", (server.key, databases_named("master")), body, inner))


def _delete_tree(arm: Arm, contents: DatabaseContents, operation: Operation) -> None:
    """A server takes its databases along, and what could have been restored."""
    for child in arm.resources.below(operation.target):
        if child.type == "databases":
            end_links(arm.resources, contents, child)
            contents.forget(child.properties["databaseId"])
        elif child.type == "restorableDroppedDatabases":
            contents.forget(child.inner["body"]["properties"]["databaseId"])
    arm.resources.delete(operation.target)


def _undo_group(resources: Resources, operation: Operation) -> None:
    """A group whose deletion failed is as it was."""
    group = resources.get(operation.target)
    if group:
        resources.put(group.changed(properties={"provisioningState": "Succeeded"}))


def _finish_database(arm: Arm, contents: DatabaseContents, operation: Operation) -> None:
    """Online, with what its source holds, if it has one."""
    database = arm.resources.get(operation.target)
    if database is None:
        return
    at = operation.due or operation.started
    if "source" in operation.effect:
        contents.copy(operation.effect["source"], database.properties["databaseId"], operation.effect["until"])
    shown = {"status": "Online", "creationDate": iso(at)}
    arm.resources.put(database.changed(properties=shown, inner={"online_at": at}))
    arm.key_watch.follow(database)
    links_in_step(arm.resources, database)


def _undo_database(arm: Arm, contents: DatabaseContents, operation: Operation) -> None:
    """A failed creation leaves nothing."""
    database = arm.resources.get(operation.target)
    if database:
        end_links(arm.resources, contents, database)
        arm.resources.delete(database.key)


def _finish_pool(resources: Resources, contents: DatabaseContents, operation: Operation) -> None:
    pool = resources.get(operation.target)
    if pool:
        switch_pool(resources, contents, pool, operation.effect["body"])
    elastic_pools.finish_pool(resources, operation)


def _finish_update(arm: Arm, contents: DatabaseContents, operation: Operation) -> None:
    database = arm.resources.get(operation.target)
    if database:
        body = operation.effect["body"]
        switch_database(contents, database, body)
        converted = _converted(database, body, operation.due or operation.started)
        inner = {**available(database.inner), **converted, **operation.effect.get("encryption", {})}
        changed = Resource(database.id, database.type, tuple(operation.effect["under"]), body, inner, database.order)
        arm.resources.put(changed)
        arm.key_watch.follow(changed)


def _converted(database: Resource, after: Body, at: float) -> Body:
    """A conversion to Hyperscale can be taken back for some weeks."""
    was, will = (body["sku"]["tier"] == "Hyperscale" for body in (database.body, after))
    if was == will:
        return {}
    return {"snapshots": will, "reversible_until": at + REVERSIBLE_SECONDS if will else 0.0}


def _undo_update(arm: Arm, operation: Operation) -> None:
    """Back to its former size and pool."""
    database = arm.resources.get(operation.target)
    if database:
        under = tuple(operation.effect["before_under"])
        before, inner = operation.effect["before"], available(database.inner)
        arm.resources.put(Resource(database.id, database.type, under, before, inner, database.order))


def _drop_database(arm: Arm, contents: DatabaseContents, operation: Operation) -> None:
    """Gone; it stays restorable on its server, with its users. A database that never was Online leaves nothing."""
    database = arm.resources.get(operation.target)
    if database is None:
        return
    at = operation.due or operation.started
    end_links(arm.resources, contents, database)
    dropped = _dropped(arm, database, at)
    arm.resources.delete(database.key)
    contents.close(database.properties["databaseId"])
    _sweep(arm, contents, dropped.under[0], at)
    if "online_at" in database.inner:
        arm.resources.put(dropped)


def _sweep(arm: Arm, contents: DatabaseContents, server_key: str, now: float) -> None:
    """Forget what nobody can restore any more, a few at a time, oldest first."""
    for row in arm.resources.first(server_key, "restorableDroppedDatabases", SWEPT):
        if row.inner["restorable_until"] <= now:
            contents.forget(row.inner["body"]["properties"]["databaseId"])
            arm.resources.delete(row.key)


def _dropped(arm: Arm, database: Resource, at: float) -> Resource:
    server_id = database.id.rsplit("/databases/", 1)[0]
    name = f"{database.name},{file_time(at)}"
    id_ = f"{server_id}/restorableDroppedDatabases/{name}"
    before = database.properties
    earliest = restore_point(database, at)
    properties = {
        "databaseName": database.name,
        "maxSizeBytes": before["maxSizeBytes"],
        "creationDate": before["creationDate"],
        "deletionDate": iso(at),
        **({} if earliest is None else {"earliestRestoreDate": iso(earliest)}),
        "backupStorageRedundancy": before.get("currentBackupStorageRedundancy", "Geo"),
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
    inner: Body = {
        "restorable_until": at + database.inner["retention_days"] * 86_400,
        "dropped_at": at,
        "body": database.body,
        "was": database.inner,
        "used_bytes": stored_bytes_of(arm, database, at),
    }
    return Resource(id_, "restorableDroppedDatabases", under, body, inner)
