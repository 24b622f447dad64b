"""The product against a simulated Azure in this process: real SDKs, no sockets, every outside call a failpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from azure.keyvault.keys._shared import http_challenge_cache as key_challenge_cache
from azure.keyvault.secrets._shared import http_challenge_cache

from cloud import factory
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.sql_drivers import SqlTarget
from cloud.throttle import LocalBucket, vault_budget
from operations import clock, engine
from operations.claims import claim
from operations.models import Operation
from operations.workflow import Mode
from provisioning import observe
from simulator.azure import Azure
from simulator.http import Request, Response
from simulator.transport import InProcessTransport
from tests.cloud.in_process import InProcessSession, InProcessSql

PASSWORD_SET = re.compile(r"PASSWORD = N'((?:[^']|'')*)'")
Around = Callable[[str, Callable[[], Any]], Any]


def straight(name: str, call: Callable[[], Any]) -> Any:
    """The hook that does nothing."""
    return call()


class LocalAzure:
    """One simulated cloud, and our adapters pointed at it. `around(name, call)` wraps every call to the outside."""

    def __init__(self, **options: Any) -> None:
        self.azure = Azure(**{"time_scale": 1.0, "throttled": False, **options})
        self.around: Around = straight
        self._vault = VaultReplica(self.azure)
        self.last_statement = ""
        self.more: dict[str, Any] = {}  # settings of the cloud that few tests have
        self._statements: set[str] = set()
        self.bucket = LocalBucket(now=self.azure.clock.now)
        self.budget = vault_budget(lambda rates: LocalBucket(rates, now=self.azure.clock.now))
        self.new_clients()

    def new_clients(self) -> None:
        """Clients as a process that has just started has them: no token, no connection. Rate buckets are everybody's."""
        http_challenge_cache.clear()
        key_challenge_cache.clear()
        client_id, client_secret = self.azure.entra.client_id, self.azure.entra.client_secret
        factory.configure(
            CloudSettings(
                tenant_id=self.azure.tenant,
                client_id=client_id,
                client_secret=Secret(client_secret),
                authority_url="https://localhost",
                arm_url="https://localhost",
                metrics_url="https://localhost",
                vault_url="https://vault.vault.localhost",
                verify_challenge_resource=False,
                sql_host="localhost",
                **self.more,
            ),
            transport=InProcessTransport(self.azure, self._http),
            sql_driver=_HookedSql(self),
            bucket=self.bucket,
            budget=self.budget,
        )

    @property
    def subscription_id(self) -> str:
        return self.azure.arm.subscriptions[0]

    def pass_time(self, seconds: float) -> None:
        """Let time pass for Azure and for our leases alike."""
        self.azure.clock.advance(timedelta(seconds=seconds))
        clock.advance(timedelta(seconds=seconds))

    def resources(self, kind: str) -> list[Any]:
        """What stands in Azure: servers, elasticPools or databases (without master)."""
        return [r for r in self.azure.arm.resources if r.type == kind and r.name != "master"]

    def secrets(self) -> dict[str, list[dict[str, Any]]]:
        """Versions of every secret by name, oldest first, values included: it is a test's business to look."""
        return {document["name"]: document["versions"] for _, document in self.azure.store.items("secrets")}

    def passwords_set(self) -> set[str]:
        """Every password that was ever set: by a statement, or as a secret's value; and the client's own secret."""
        values = [version["value"] for versions in self.secrets().values() for version in versions]
        documents = [json.loads(value)["password"] for value in values if value.startswith("{")]
        plain = {value for value in values if not value.startswith("{")}
        return {*plain, *documents, *self._statements, self.azure.entra.client_secret}

    def sent(self, statement: str) -> None:
        """Remember a statement, and the password that it sets."""
        self.last_statement = statement
        self._statements |= {found.replace("''", "'") for found in PASSWORD_SET.findall(statement)}

    def session(self, document: Mapping[str, str]) -> InProcessSession:
        """A consumer's connection, made with what it read and left open."""
        driver = InProcessSql(self.azure.sql_directory)
        secret = Secret(document["password"])
        server = document["endpoint"].partition(".")[0]
        return driver.connect(SqlTarget("localhost", 1433, server, document["database"], document["user"], secret))

    def set_secret(self, name: str, document: Mapping[str, str]) -> None:
        """Somebody writes a secret by hand."""
        factory.secret_store().set(name, Secret(json.dumps(document)), tags={})

    def delete_secret(self, name: str) -> None:
        """Somebody deletes a secret by hand; it can be recovered."""
        key, kept = next((k, d) for k, d in self.azure.store.items("secrets") if d["name"] == name)
        now = int(self.azure.clock.now())
        times = {"deletedDate": now, "scheduledPurgeDate": now + 90 * 86_400}
        self.azure.store.put("secrets", key, {**kept, "deleted": times})

    def pass_business_time(self, **amount: float) -> None:
        """Expiry, grace and windows come nearer; workers look again."""
        clock.advance(timedelta(**amount), business=True)
        self.pass_time(1000)

    def effects(self) -> list[dict[str, Any]]:
        """What changed in Azure, in order."""
        return self.azure.ledger.entries(0)

    def let_vault_lag(self, seconds: float) -> None:
        """For so long (simulated) the vault is read as it was before its last change."""
        self._vault.behind_until = self.azure.clock.now() + seconds

    def _http(self, request: Request, call: Callable[[], Response]) -> Response:
        serve = (lambda: self._vault.served(request, call)) if request.path.startswith("/secrets") else call
        response: Response = self.around(f"{request.method} {request.host}{request.path}", serve)
        return response


class VaultReplica:
    """Serves reads of secrets, while it is behind, as they were before the last change."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._former: dict[str, Any] | None = None
        self.behind_until = 0.0

    def served(self, request: Request, call: Callable[[], Response]) -> Response:
        if request.method != "GET":
            return self._changing(call)
        return self._lagging(call) if self._azure.clock.now() < self.behind_until else call()

    def _changing(self, call: Callable[[], Response]) -> Response:
        before = dict(self._azure.store.items("secrets"))
        response = call()
        if before != dict(self._azure.store.items("secrets")):
            self._former = before
        return response

    def _lagging(self, call: Callable[[], Response]) -> Response:
        present = dict(self._azure.store.items("secrets"))
        self._replace(present if self._former is None else self._former)
        try:
            return call()
        finally:
            self._replace(present)

    def _replace(self, documents: Mapping[str, Any]) -> None:
        store = self._azure.store
        for key, _ in store.items("secrets"):
            if key not in documents:
                store.delete("secrets", key)
        for key, document in documents.items():
            store.put("secrets", key, document)


class _HookedSql:
    def __init__(self, local: LocalAzure) -> None:
        self._local = local
        self._inner = InProcessSql(local.azure.sql_directory)

    def connect(self, target: SqlTarget) -> _HookedSession:
        session: InProcessSession = self._local.around("SQL sign-in", lambda: self._inner.connect(target))
        return _HookedSession(self._local, session)


class _HookedSession:
    def __init__(self, local: LocalAzure, session: InProcessSession) -> None:
        self._local = local
        self._session = session

    def execute(self, statement: str) -> Sequence[tuple[Any, ...]]:
        self._local.sent(statement)
        name = "SQL " + " ".join(statement.split()[:3])
        rows: Sequence[tuple[Any, ...]] = self._local.around(name, lambda: self._session.execute(statement))
        return rows

    def close(self) -> None:
        self._session.close()


def work(rounds: int = 1) -> int:
    """What workers and the observer do when their messages come: once each, until nothing is due."""
    steps = 0
    for _ in range(rounds):
        while done := engine.advance_due():
            steps += done
        observe.observe_due()
        while done := engine.advance_due():
            steps += done
    return steps


def run_until_settled(azure: LocalAzure, *, seconds: float = 10.0, limit: int = 600) -> None:
    """Work and let time pass until every operation is over; fails loudly when that does not come."""
    for _ in range(limit):
        work()
        if not unsettled():
            return
        azure.pass_time(seconds)
    raise AssertionError(
        "not settled: "
        + "; ".join(f"{o.kind} {o.state} {o.step} {o.error_code} {o.error_message} {o.waits_why}" for o in unsettled())
    )


def run_one_step() -> int:
    """The next step that is due, and none of what it makes due. Returns how many were run."""
    claims = claim(Mode, limit=1)
    engine._run(claims)
    return len(claims)


def work_alone(operation: Operation) -> None:
    """Run one operation while it is due; all others, also those that it begins, are passed over."""
    others, ran = Operation.objects.exclude(pk=operation.pk), 1
    while ran:
        due = dict(others.values_list("pk", "due_at"))
        others.update(due_at=clock.database_now() + timedelta(days=1000))
        ran = run_one_step()
        for pk, moment in due.items():
            others.filter(pk=pk).update(due_at=moment)


def unsettled() -> list[Operation]:
    """Operations that still go on by themselves."""
    return list(Operation.objects.filter(state__in=[Operation.State.QUEUED, Operation.State.RUNNING]))


def until_step(azure: LocalAzure, operation: Operation, step: str) -> None:
    """Work and let time pass until the operation waits at this step."""
    for _ in range(300):
        work()
        operation.refresh_from_db()
        if operation.step == step:
            return
        azure.pass_time(20)
    raise AssertionError(f"{operation.state} at {operation.step}: {operation.error_code} {operation.error_message}")
