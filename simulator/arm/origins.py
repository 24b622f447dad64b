"""What a new database is made from: nothing, a live database, a moment of its past, a dropped one, or a primary."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from simulator.arm.call import Call
from simulator.arm.database_sizes import Place
from simulator.arm.errors import ArmError, conflict, invalid
from simulator.arm.resources import Body, Resource
from simulator.arm.storage import used_bytes
from simulator.arm.versions import restore_point

COPY, RESTORE = "CreateDatabaseAsCopy", "CreateRestoreRequest"
COPIED = ("collation", "catalogCollation", "isLedgerOn", "zoneRedundant", "highAvailabilityReplicaCount")
COPY_SECONDS, RESTORE_SECONDS, HYPERSCALE_SECONDS = (80.0, 138.0), (107.0, 438.0), (319.0, 594.0)
SECONDS_PER_GB = 30.0
SEEDING_SECONDS_PER_GB = 7.2  # of a geo-secondary: up to about 500 GB an hour
GB = 1024**3
MODES = ("Copy", "PointInTimeRestore", "Restore", "Secondary", "OnlineSecondary")


@dataclass(frozen=True, slots=True)
class Origin:
    """A source as it is (or, dropped, was). `until` is the moment restored; `link` is Geo or Named for a replica."""

    word: str
    status: str
    id: str
    body: Body
    inner: Body
    used_bytes: int
    until: float | None = None
    link: str | None = None
    defaults: Body = field(default_factory=dict)

    @property
    def properties(self) -> Body:
        properties: Body = self.body["properties"]
        return properties

    @property
    def database_id(self) -> str:
        return str(self.properties["databaseId"])

    def seconds(self, call: Call, place: Place) -> float:
        """As recorded for small databases; seeding elsewhere, and all outside Hyperscale, longer by size (at most a minute a
        GB, says Azure)."""
        if self.link == "Geo":
            base = HYPERSCALE_SECONDS if place.is_hyperscale else COPY_SECONDS
            return call.arm.seconds(*base) + SEEDING_SECONDS_PER_GB * self.used_bytes / GB
        if place.is_hyperscale:
            return call.arm.seconds(*HYPERSCALE_SECONDS)
        slow = call.arm.seconds(*(COPY_SECONDS if self.word == COPY else RESTORE_SECONDS))
        return slow + SECONDS_PER_GB * self.used_bytes / GB

    def asked(self, properties: Body) -> Body:
        """The request's properties over those that the source hands on."""
        before = self.properties
        handed = {name: before[name] for name in COPIED if name in before}
        handed["requestedBackupStorageRedundancy"] = before.get("requestedBackupStorageRedundancy")
        return {**handed, **properties}


def origin_of(call: Call, server: Resource, properties: Body) -> Origin | None:
    """The source that `createMode` names; None for a new, empty database."""
    mode = properties.get("createMode") or "Default"
    if mode == "Default":
        return None
    if mode not in MODES:
        raise invalid("InvalidDatabaseCreateMode", f"Invalid request to create a database: createMode '{mode}'.")
    if mode == "Restore":
        return _dropped(call, server, properties)
    source = _source(call, properties)
    if mode == "PointInTimeRestore":
        return _past(call, server, source, properties)
    if mode == "Copy":
        _check_copies(call, source)
        return _present(call, source, COPY, "Copying")
    return _replica(call, server, source, properties)


def _source(call: Call, properties: Body) -> Resource:
    id_ = str(properties.get("sourceDatabaseId") or "")
    if not id_:
        raise invalid("MissingSourceDatabaseId", "Missing source database identifier.")
    if "/databases/" not in id_.lower():
        raise invalid("InvalidSourceDatabaseId", f"Invalid source database identifier '{id_}'.")
    found = call.arm.resources.get(id_)
    if found is None or found.type != "databases":
        server = call.arm.resources.get(id_.lower().rsplit("/databases/", 1)[0])
        if server is None:
            raise invalid("SourceServerNotFound", f"The server of the source database '{id_}' does not exist.")
        raise invalid("SourceDatabaseNotFound", f"The source database '{id_}' does not exist.")
    if found.name.lower() == "master":
        raise invalid("CannotUseReservedDatabaseName", "Cannot use reserved database name 'master' in this operation.")
    return found


def _present(call: Call, source: Resource, word: str, status: str, link: str | None = None) -> Origin:
    if source.properties["status"] not in ("Online", "Scaling"):
        raise conflict(
            "ConflictingDatabaseOperation",
            f"There is already some operation on the database '{source.name}' and the current operation should wait "
            "till it is done.",
        )
    return Origin(word, status, source.id, source.body, source.inner, used_bytes(call, source), link=link)


def _check_copies(call: Call, source: Resource) -> None:
    """So many copies of one database at a time (Azure names the limit, but not its number)."""
    if call.arm.operations.count(f"copies of {source.key}") >= call.arm.quotas.copies_per_database:
        raise conflict(
            "DatabaseCopyLimitPerReplicaReached",
            f"The limit of concurrent copies of the database '{source.name}' has been reached.",
        )


def _past(call: Call, server: Resource, source: Resource, properties: Body) -> Origin:
    """A moment within the retention, on the same server."""
    if server.key not in source.under:
        raise invalid(
            "MismatchingServerNameWithUrl",
            f"The provided server name '{server.name}' did not match the name in the Url.",
        )
    text = properties.get("restorePointInTime")
    if not text:
        raise invalid("MissingRestorePointInTime", "Missing restore point in time.")
    earliest = restore_point(source, call.now)
    if earliest is None:
        raise _no_restore_point(source.name)
    point = _moment(str(text))
    if point < int(earliest) or point > call.now:
        message = f"Source database '{source.name}' does not exist on server '{server.name}' within the supported "
        raise invalid("InvalidLiveDatabase", message + "recovery period.")
    _check_restores(call)
    return Origin(RESTORE, "Restoring", source.id, source.body, source.inner, used_bytes(call, source), until=point)


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        message = "Invalid value given for parameter restorePointInTime. Specify a valid parameter value."
        raise invalid("InvalidParameterValue", message) from error


def _no_restore_point(name: str) -> ArmError:
    message = f"There is no restore point available yet for the database '{name}': its first backup is not complete."
    return invalid("NoRestorePointAvailable", message)


def _check_restores(call: Call) -> None:
    running = call.arm.operations.count(f"restores of {call.names['subscription'].lower()}")
    if running >= call.arm.quotas.restores_per_subscription:
        message = f"The subscription has {running} restore requests in progress; no more are taken for now."
        raise ArmError(429, "SubscriptionTooManyRequests", message, headers={"retry-after": "60"})


def _dropped(call: Call, server: Resource, properties: Body) -> Origin:
    """A dropped database of this server, while its retention lasts."""
    row = _dropped_row(call, server, properties)
    if row is None or row.inner["restorable_until"] <= call.now or server.key not in row.under:
        message = f"Source database dropped does not exist on server '{server.name}' within the supported recovery "
        raise invalid("InvalidDroppedDatabase", message + "period.")
    if "earliestRestoreDate" not in row.properties:
        raise _no_restore_point(row.properties["databaseName"])
    point = row.inner["dropped_at"]
    if properties.get("restorePointInTime"):
        point = _moment(str(properties["restorePointInTime"]))
        if not _moment(row.properties["earliestRestoreDate"]) <= point <= row.inner["dropped_at"]:
            message = "Invalid value given for parameter restorePointInTime. Specify a valid parameter value."
            raise invalid("InvalidParameterValue", message)
    _check_restores(call)
    body, inner = row.inner["body"], row.inner["was"]
    return Origin(RESTORE, "Restoring", row.id, body, inner, row.inner["used_bytes"], until=point)


def _dropped_row(call: Call, server: Resource, properties: Body) -> Resource | None:
    """By its own id, or by the database's former id with the date of its deletion."""
    given = str(properties.get("restorableDroppedDatabaseId") or "")
    source = str(properties.get("sourceDatabaseId") or "")
    if given and source:
        raise invalid(
            "RestorableDroppedDatabaseIdGivenForRestoreWithSourceDatabaseId",
            "Cannot specify restorableDroppedDatabaseId when sourceDatabaseId is already given in restore create mode.",
        )
    if not given and not source:
        raise invalid("MissingSourceDatabaseId", "Missing source database identifier.")
    id_ = given or source
    if "/restorabledroppeddatabases/" in id_.lower():
        return call.arm.resources.get(id_)
    if given:
        raise invalid(
            "InvalidRestorableDroppedDatabaseId", f"Invalid restorable dropped database identifier '{given}'."
        )
    return _dropped_on(call, server, source, properties)


def _dropped_on(call: Call, server: Resource, source: str, properties: Body) -> Resource | None:
    date = properties.get("sourceDatabaseDeletionDate")
    if not date:
        raise invalid("MissingSourceDatabaseDeletionDate", "Missing source database deletion date.")
    at, name = _moment(str(date)), source.rsplit("/", 1)[1]
    rows = call.arm.resources.children(f"{server.key}/dropped/{name}", "restorableDroppedDatabases")
    return next((row for row in rows if abs(row.inner["dropped_at"] - at) < 1.0), None)


def _replica(call: Call, server: Resource, source: Resource, properties: Body) -> Origin:
    """A readable secondary: on another server, or (Hyperscale, Named) anywhere in the region."""
    link = properties.get("secondaryType") or "Geo"
    same_server = server.key in source.under
    hyperscale = source.body["sku"]["tier"] == "Hyperscale"
    if link == "Named" and not hyperscale:
        message = "An unsupported replication operation was initiated on the database."
        raise ArmError(405, "UnsupportedReplicationOperation", message)
    if link != "Named" and same_server:
        raise invalid(
            "ReplicationSourceAndTargetMustBeInDifferentServers",
            "The replication source and target databases must be in different logical servers.",
        )
    links = call.arm.resources.children(source.key, "replicationLinks")
    if hyperscale and any(one.properties["role"] == "Secondary" for one in links):  # a chain
        message = "An unsupported replication operation was initiated on the database."
        raise ArmError(405, "UnsupportedReplicationOperation", message)
    held = [one.properties["linkType"] for one in links]
    if link != "Named" and held.count("GEO") >= (1 if hyperscale else call.arm.quotas.geo_replicas):
        raise invalid("GeoReplicaLimitReached", "The per-replica replication limit was reached.")
    if link == "Named" and held.count("NAMED") >= call.arm.quotas.named_replicas:
        message = "The number of named replicas of the primary database would exceed the allowed number."
        raise invalid("DatabaseNamedReplicaPerDatabaseLimitExceeded", message)
    word = "CreateLogicalDatabase" if link == "Named" else COPY
    return _present(call, source, word, "Creating" if link == "Named" else "Copying", link)
