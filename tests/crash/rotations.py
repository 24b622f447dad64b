"""Rotations to break, and what must hold of a credential at every moment of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from cloud.sql_failures import SqlFailure
from inventory.models import Database, SqlServer, Workspace
from inventory.states import Status
from notifications.models import Receiver
from operations.clock import database_now
from operations.models import Operation
from operations.services import cancel, retry
from provisioning.services import ServiceWish, request_service
from rotation.administrators import request_admin_rotation
from rotation.emergency import Reach, Scope, request_emergency
from rotation.holding import LEAVING
from rotation.identities import principal_of
from rotation.models import Credential, ServerAdministrator
from rotation.names import SLOTS, Purpose, purpose_of, stable_secret_of, staged_admin_secret_of
from rotation.orphans import orphaned_versions
from rotation.services import request_emergency_rotation, request_rotation, request_session_count
from rotation.signing_secrets import request_receiver, request_removal, request_signing_rotation
from tests.acceptance.callers import TENANT, an_entra
from tests.builders import GIB
from tests.crash.faults import CREDENTIAL_FAULTS, FAULTS
from tests.crash.flows import SECOND, Flow, request, with_cast, without_cast
from tests.crash.superseded import still_working, superseded_users
from tests.crash.world import World
from tests.entra_only import let_only_entra_in
from tests.entra_service import an_identity, sign_in_as
from tests.local_azure import work_alone


def rotate() -> Operation:
    return request_rotation(Database.objects.get(status=Status.READY), actor="tests")


def rotate_in_emergency() -> Operation:
    return request_emergency_rotation(Database.objects.get(status=Status.READY), actor="tests", reason="leaked")


def emergency_of_everything() -> Operation:
    return request_emergency(Reach(Scope.EVERYTHING), actor="tests", reason="leaked")


def partly_given_up(world: World) -> None:
    """An emergency of everything, of which somebody cancelled the only part: it waits for a human."""
    operation = emergency_of_everything()
    work_alone(operation)
    cancel(Operation.objects.get(parent=operation), actor="tests")
    world.finish()


def try_again() -> Operation:
    operation = Operation.objects.get(kind="emergency_rotation")
    assert retry(operation, actor="tests", reason="Cancelled by mistake.")
    return operation


def count_sessions() -> Operation:
    return request_session_count(Database.objects.get(status=Status.READY), actor="tests")


def only_entra(world: World) -> None:
    """The database's server lets nobody in but Entra, and the service has a user of its own."""
    let_only_entra_in(world.local, Database.objects.get(status=Status.READY))


def entra_workspace(world: World) -> None:
    """The workspace's server and services are made for Entra alone; its next service has an identity of its own."""
    only_entra(world)
    Credential.objects.update(checked_at=database_now())
    Workspace.objects.update(auth_mode="entra_only")
    an_identity(world.local.azure.entra, SECOND)


def first_issue_to_identity() -> Operation:
    principal = an_identity(an_entra(TENANT, 1), SECOND)
    granted = request_service(Workspace.objects.get(), ServiceWish(SECOND, "fhir", 500 * GIB, principal), actor="tests")
    assert granted.operation is not None
    return granted.operation


def put_off_looks() -> None:
    """For runs in which nothing waits for the observer: no look of it falls into them by chance."""
    SqlServer.objects.update(observe_due_at=database_now() + timedelta(days=1))


def rotate_administrator() -> Operation:
    put_off_looks()
    return request_admin_rotation(SqlServer.objects.get(status=Status.READY), actor="tests")


def a_receiver(world: World) -> None:
    """A webhook whose signing secret stands."""
    receiver = {"channel": "webhook", "address": "https://hooks.example.com/", "kinds": []}
    world.run(lambda: request_receiver(Workspace.objects.get(), **receiver, actor="tests"))


def renew_signing_secret() -> Operation:
    return request_signing_rotation(Receiver.objects.get(), actor="tests", reason="policy")


def forget_signing_secret() -> Operation:
    request_removal(Receiver.objects.get(), actor="tests")
    return Operation.objects.get(kind="forget_signing_secret")


def rotate_cast() -> Operation:
    return request_rotation(Database.objects.get(service__name=SECOND), actor="tests", purpose=Purpose.CAST)


CHANGING = re.compile(r"SQL (CREATE|ALTER USER|DROP)|PUT |PATCH |(POST|DELETE) .*/(replicationLinks|databases)/")
ISSUING = ("stage_password", "create_user", "verify_login", "publish_secret")
ROTATIONS = (
    Flow("rotation", rotate, furnished=True, share=0.05),
    Flow("emergency", rotate_in_emergency, furnished=True, share=0.03),
    Flow("emergency of everything", emergency_of_everything, furnished=True, share=0.02),
    Flow("emergency tried again", try_again, furnished=True, share=0.02, prepare=partly_given_up),
    Flow(
        "first issue",
        lambda: request(SECOND, 500 * GIB),
        furnished=True,
        share=0.05,
        steps=tuple(f"create_database.{step}" for step in ISSUING),
    ),
    Flow(
        "first issue to an identity",
        first_issue_to_identity,
        furnished=True,
        share=0.2,
        steps=tuple(f"create_database.{step}" for step in ISSUING),
        prepare=entra_workspace,
    ),
    Flow("count of sessions", count_sessions, furnished=True, share=0.2),
    Flow("check of an identity", rotate, furnished=True, share=0.2, prepare=only_entra),
    Flow("server administrator", rotate_administrator, furnished=True, share=0.04),
    Flow("signing secret", renew_signing_secret, furnished=True, share=0.1, prepare=a_receiver),
    Flow("forgotten signing secret", forget_signing_secret, furnished=True, share=0.15, prepare=a_receiver),
    Flow("rotation of cast", rotate_cast, furnished=True, share=0.012, beside="with cast"),
    Flow("cast on", with_cast, furnished=True, share=0.03, beside="cast gone"),
    Flow("cast off", without_cast, furnished=True, share=0.03, beside="with cast"),
)
ROTATION_FAULTS = (*FAULTS, *CREDENTIAL_FAULTS)


class Witness:
    """Signs in as consumers would, after every change that is made outside: read the newest version, use it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.failures: list[str] = []

    def watch(self, around: Callable[[str, Callable[[], Any]], Any]) -> Callable[[str, Callable[[], Any]], Any]:
        def watched(name: str, call: Callable[[], Any]) -> Any:
            try:
                return around(name, call)
            finally:
                if CHANGING.match(name):
                    self.look(name)

        return watched

    def look(self, after: str) -> None:
        active = Credential.objects.filter(status="active", database__in=with_passwords()).exclude(LEAVING)
        for credential in active.select_related("database"):
            self.looks += 1
            why = refusal(self.world, credential.database, purpose_of(credential.slot))
            if why:
                self.failures.append(f"no credential works after {after}: {why}")
        for server in SqlServer.objects.filter(status=Status.READY, auth_mode="sql"):
            if not administrators_that_work(self.world, server):
                self.failures.append(f"neither of the administrator's two passwords works after {after}")


def with_passwords() -> QuerySet[Database]:
    """Ready databases in which a consumer signs in with what it reads."""
    return Database.objects.filter(status=Status.READY).exclude(server__auth_mode="entra_only")


def _unchecked() -> Iterator[str]:
    """Identities that nobody has seen to work, though their check was not cancelled and the database stands."""
    if Operation.objects.filter(kind="check_identity", state=Operation.State.CANCELLED).exists():
        return
    rows = Credential.objects.filter(database__status=Status.READY, database__server__auth_mode="entra_only")
    for row in rows.filter(checked_at=None):
        yield f"{row.user_name} was never checked"


def _identities_refused(world: World) -> Iterator[str]:
    """Ready databases that do not let their service's identity in."""
    ready = (
        Database.objects.filter(status=Status.READY).exclude(service__entra_name="").select_related("server", "service")
    )
    for database in ready:
        service = database.service
        assert service is not None, "the query asks for it"
        try:
            sign_in_as(world.local, principal_of(database), database).close()
        except SqlFailure as failure:
            yield f"{database} refuses {service.entra_name}: {failure.text}"


def refusal(world: World, database: Database, purpose: Purpose = Purpose.SERVICE) -> str:
    """Empty, or why a consumer that reads the secret now cannot sign in."""
    newest = world.local.secrets()[stable_secret_of(database, purpose)][-1]
    if not newest["attributes"]["enabled"]:
        return "the newest version is disabled"
    try:
        world.local.session(json.loads(newest["value"])).close()
    except SqlFailure as failure:
        return failure.text
    return ""


def administrators_that_work(world: World, server: SqlServer) -> list[str]:
    """Secrets of the administrator, stable and staged, whose newest version signs in."""
    secrets, working = world.local.secrets(), []
    for name in (server.admin_secret_name, staged_admin_secret_of(server)):
        for version in secrets.get(name, [])[-1:]:
            login = {"endpoint": server.observed_endpoint, "database": "master", "user": server.administrator_login}
            with suppress(SqlFailure):
                world.local.session({**login, "password": version["value"]}).close()
                working.append(name)
    return working


def rotation_faults(world: World, *, landed_late: bool) -> Iterator[str]:
    """At the end: one user of each wished purpose works, no other does; every enabled version is an active user's."""
    yield from _unchecked()
    yield from _identities_refused(world)
    if not landed_late:
        yield from _signing_secrets(world)
    for database in with_passwords().select_related("service"):
        yield from _of_one_purpose(world, database, Purpose.SERVICE)
        if database.service is not None and database.service.has_cast:
            yield from _of_one_purpose(world, database, Purpose.CAST)
        else:
            yield from _of_no_cast(world, database)
        if not landed_late:
            yield from (f"{version} is enabled and nobody's" for version in orphaned_versions(database))
    for server in SqlServer.objects.filter(status=Status.READY, auth_mode="sql"):
        yield from _administrator(world, server, landed_late=landed_late)


def _administrator(world: World, server: SqlServer, *, landed_late: bool) -> Iterator[str]:
    """The stable secret works, and no other version is enabled once it was rotated."""
    if server.admin_secret_name not in administrators_that_work(world, server):
        yield f"{server}: its administrator's stable secret does not sign in"
    if landed_late or not ServerAdministrator.objects.filter(server=server, failures=0).exists():
        return
    for name, versions in world.local.secrets().items():
        if name.startswith(server.admin_secret_name):
            for version in versions:
                if version["attributes"]["enabled"] and version["version"] != server.admin_secret_version:
                    yield f"{name}/{version['version']} is enabled and nobody's"


def _signing_secrets(world: World) -> Iterator[str]:
    """Of a receiver's signing secret the version that signs is enabled, and no other; of a removed one, none."""
    for row in Receiver.objects.filter(channel="webhook"):
        versions = world.local.secrets().get(row.secret_name, [])
        enabled = [version["version"] for version in versions if version["attributes"]["enabled"]]
        wanted = [] if row.state == Receiver.State.REMOVED else [row.signing_version]
        if enabled != wanted:
            yield f"{row.secret_name}: {enabled} are enabled, {wanted} should be"


def _of_one_purpose(world: World, database: Database, purpose: Purpose) -> Iterator[str]:
    why = refusal(world, database, purpose)
    if why:
        yield f"{database}: {why}"
    users = Credential.objects.filter(database=database, slot__in=SLOTS[purpose])
    states = sorted(users.values_list("status", flat=True))
    if states not in (["active"], ["active", "retired"]):
        yield f"{database}: users of the {purpose} are {states}"
    yield from superseded_users(world, world.local.secrets()[stable_secret_of(database, purpose)])


def _of_no_cast(world: World, database: Database) -> Iterator[str]:
    """What was switched off, or never on, lets nobody in."""
    users = Credential.objects.filter(database=database, slot__in=SLOTS[Purpose.CAST]).exclude(status="retired")
    yield from (f"{user} is {user.status} without cast" for user in users)
    published = world.local.secrets().get(stable_secret_of(database, Purpose.CAST), [])
    yield from still_working(world, [json.loads(version["value"]) for version in published])
