"""A server's guards are put back as the settings demand them: network, firewall, auditing, tags."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from cloud import factory
from cloud.changes import ServerChange
from cloud.protocols import CallClass, ObservedServer, SqlManagement
from inventory.models import SqlServer
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Workflow, acts, decides
from provisioning import awaiting
from provisioning.drift.comparing import server_rules
from provisioning.drift.differences import FIREWALL, TLS_FLOOR, firewall_differences, server_differences, server_tags
from provisioning.drift.putting_back import put_back, settle, wanted
from provisioning.holding import hold
from provisioning.targets import reference, server_of


@decides
def hold_server(operation: Operation) -> Outcome:
    server = server_of(operation)
    return hold(operation, server, [Lock(server.key, Mode.SHARED, "repairs the server's guards")])


@acts
def put_server_back(operation: Operation) -> Outcome:
    """One PATCH of what still differs; nobody's connection drops."""
    server, management = server_of(operation), _management()
    return put_back(
        operation,
        management.get_server(reference(server)),
        differs=lambda seen: server_differences(server, seen, server_rules()),
        ask=lambda seen, left: management.begin_update_server(
            reference(server), _change(operation, server, seen, left)
        ),
    )


@acts
def put_firewall_back(operation: Operation) -> Outcome:
    """One rule a run: first whoever may come in again, then whoever may not."""
    server, management = server_of(operation), _management()
    found = firewall_differences(server, management.list_firewall_rules(reference(server)), server_rules())
    left = [one for one in found if one.attribute in wanted(operation)]
    if not left:
        return Next()
    one = min(left, key=lambda difference: (difference.expected is None, difference.attribute))
    if one.expected is None:
        management.delete_firewall_rule(reference(server), one.attribute.removeprefix(FIREWALL))
    else:
        first, last = one.expected.split("-")
        number = settings.SQL_FIREWALL_RANGES.index((first, last))
        management.set_firewall_rule(reference(server), f"range-{number}", first, last)
    return Next(to="put_firewall_back")


@acts
def put_auditing_back(operation: Operation) -> Outcome:
    server, management = reference(server_of(operation)), _management()
    if "auditing" not in wanted(operation):
        return Next()
    return awaiting.ask_and_look(
        operation,
        "auditing",
        is_done=lambda: management.get_auditing_enabled(server) is True,
        ask=lambda: management.begin_enable_auditing(server),
    )


REPAIR_SERVER = Workflow(
    kind="repair_server",
    settle=settle,
    steps=(hold_server, put_server_back, put_firewall_back, put_auditing_back),
    point_of_no_return="put_server_back",
    deadline=timedelta(hours=1),
)


def _management() -> SqlManagement:
    return factory.sql_management(CallClass.REPAIR)


def _change(operation: Operation, server: SqlServer, seen: ObservedServer, left: set[str]) -> ServerChange:
    return ServerChange(
        minimal_tls_version=TLS_FLOOR if "minimal_tls_version" in left else None,
        public_network_access=server_rules().public_access if "public_network_access" in left else None,
        tags={**seen.tags, **server_tags(server, settings.DEPLOYMENT), "operation": str(operation.pk)},
    )
