"""A logical server: named, made with all that a policy may demand, then guarded and audited."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from cloud import factory
from cloud.errors import AlreadyThere, CloudError
from cloud.protocols import ServerSpec
from cloud.secrets import Secret
from inventory.models import AuthMode, SqlServer
from inventory.states import Status, move
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from operations.waking import wake
from operations.workflow import Ending, Workflow, acts, decides, looks
from provisioning import awaiting
from provisioning.places import server_name
from provisioning.targets import management_for, reference, server_of, tags_for
from rotation.passwords import new_password


@decides
def choose_name(operation: Operation) -> Outcome:
    """Keep the row's name, or choose another where Azure says that it belongs to somebody else."""
    server = server_of(operation)
    if operation.choices.get("taken") == server.azure_name:
        SqlServer.objects.filter(pk=server.pk).update(azure_name=server_name(server.region))
    return Next()


@acts
def ensure_resource_group(operation: Operation) -> Outcome:
    """Where a group's own record lies does not matter: one that a server elsewhere has just made is as good."""
    server = server_of(operation)
    try:
        management_for(operation).ensure_resource_group(
            server.subscription_id, server.resource_group, server.region_id, {"deployment": settings.DEPLOYMENT}
        )
    except CloudError as error:
        if error.code != "InvalidResourceGroupLocation":
            raise
    return Next()


@acts
def stage_admin_password(operation: Operation) -> Outcome:
    """Put the administrator's password into the vault before Azure hears of it; from then on this version counts.

    A worker thought dead may still add a newer version, which nobody uses. Where only Entra may sign in there is none.
    """
    if server_of(operation).auth_mode == AuthMode.ENTRA_ONLY:
        return Next()
    server, store = server_of(operation), factory.secret_store()
    made_before = store.versions(server.admin_secret_name) if operation.maybe_happened else ()
    version = next(iter(made_before), None) or store.set(
        server.admin_secret_name, new_password(), tags=tags_for(operation, server=server.pk)
    )
    return Next(choices={"admin_version": version.version})


@acts
def start_create(operation: Operation) -> Outcome:
    """Ask Azure for the server; one that carries our tag is ours from an earlier run."""
    server = server_of(operation)
    if operation.maybe_happened and _is_ours(server):
        return awaiting.taken_before(operation)
    try:
        answer = management_for(operation).begin_create_server(
            reference(server), _spec(operation, server), _password(operation, server)
        )
    except AlreadyThere:
        return Next(to="choose_name", choices={"taken": server.azure_name})
    return awaiting.accepted(operation, answer)


@looks
def await_create(operation: Operation) -> Outcome:
    server = server_of(operation)
    return awaiting.await_state(
        operation, server, state=server.observed_state, wanted="Ready", then="open_firewall", examine="examine_create"
    )


@acts
def examine_create(operation: Operation) -> Outcome:
    server = server_of(operation)
    return awaiting.examine_poll(
        operation, server, subscription_id=server.subscription_id, back_to="await_create", ask_again="start_create"
    )


@acts
def open_firewall(operation: Operation) -> Outcome:
    """Let the configured ranges in, one rule a run; repeating a rule changes nothing."""
    done = operation.choices.get("firewall_rules", 0)
    ranges = settings.SQL_FIREWALL_RANGES
    if done >= len(ranges):
        return Next()
    first_ip, last_ip = ranges[done]
    management_for(operation).set_firewall_rule(reference(server_of(operation)), f"range-{done}", first_ip, last_ip)
    return Next(to="open_firewall", choices={"firewall_rules": done + 1})


@acts
def enable_auditing(operation: Operation) -> Outcome:
    """Turn on the server's auditing, which covers all present and future databases. All that is meant for the server waits."""
    server, management = reference(server_of(operation)), management_for(operation)
    return awaiting.ask_then_look(
        operation,
        "auditing",
        is_done=lambda: management.get_auditing_enabled(server) is True,
        ask=lambda: management.begin_enable_auditing(server),
        look_after=settings.OBSERVE_WAITING_SECONDS,
    )


def settle(operation: Operation, ending: Ending) -> None:
    server = server_of(operation)
    if ending is Ending.SUCCEEDED:
        move(server, Status.READY, admin_secret_version=operation.choices.get("admin_version", ""))
    else:
        move(server, Status.FAILED, error_code=operation.error_code, error_message=operation.error_message)
    wake([server.key])


CREATE_SERVER = Workflow(
    kind="create_server",
    settle=settle,
    steps=(
        choose_name,
        ensure_resource_group,
        stage_admin_password,
        start_create,
        await_create,
        examine_create,
        open_firewall,
        enable_auditing,
    ),
    point_of_no_return="choose_name",
    deadline=timedelta(hours=1),
)


def _spec(operation: Operation, server: SqlServer) -> ServerSpec:
    return ServerSpec(
        region=server.region_id,
        administrator_login=server.administrator_login,
        minimal_tls_version="1.2",
        public_network_access=settings.SQL_NETWORK_MODE == "firewall",
        entra_only=server.auth_mode == AuthMode.ENTRA_ONLY,
        entra_admin_login=settings.SQL_ENTRA_ADMIN_LOGIN or None,
        entra_admin_object_id=settings.SQL_ENTRA_ADMIN_OBJECT_ID or None,
        entra_tenant_id=settings.AZURE_TENANT_ID or None,
        identity_id=settings.SQL_SERVER_IDENTITY_ID or None,
        tags=tags_for(operation, server=server.pk),
    )


def _password(operation: Operation, server: SqlServer) -> Secret | None:
    if server.auth_mode == AuthMode.ENTRA_ONLY:
        return None
    found = factory.secret_store().get(server.admin_secret_name, operation.choices.get("admin_version"))
    if found is None:
        raise StepError("SecretMissing", f"The vault has no secret {server.admin_secret_name}.", transient=True)
    return found[0]


def _is_ours(server: SqlServer) -> bool:
    """True where Azure has the server with our tag; false where it has none. Raises where it is somebody else's."""
    seen = factory.sql_management().get_server(reference(server))
    if seen is None:
        return False
    if seen.tags.get("server") != str(server.pk):
        raise StepError("NameTaken", "A server of this name exists and is not ours.")
    return True
