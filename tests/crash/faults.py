"""What may go wrong at one place, once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from cloud.sql_failures import SqlFailure
from inventory.models import Database
from operations.errors import TooLateToCancel
from operations.failpoints import Crash
from operations.models import Operation
from operations.services import cancel
from provisioning.services import request_deletion
from simulator.faults import FaultKind, FaultRule
from tests.crash.hits import Hit
from tests.crash.world import World

Call = Callable[[], Any]
HIDDEN_SECONDS = 150.0
STALE_SECONDS = 30.0
OWN_SECRET = re.compile(r"^(?:PUT|GET) /secrets/d-X(-(?:cast-)?[ab]|-cast)?(?=/?$|/version| again)")
AFTER_ALL = ("scramble_password", "end_sessions", "disable_superseded", "record_retired", "disable_secrets")
NO_SIGN_IN = re.compile(r"^(?!.*/v2\.0/)")  # of whoever calls first when the refused call has to wait
SQL_NUMBERS = {429: 10928, 500: 40197, 503: 40613}


@dataclass(frozen=True)
class Fault:
    """`strike(world, operation, hit, call)` stands for the place; `fits` says at which hits it can happen.

    `ends_otherwise`: the owner changes the wish, so that the end differs from the run without faults.
    """

    name: str
    strike: Callable[[World, Operation | None, Hit, Call], Any]
    fits: Callable[[Hit], bool] = lambda hit: True
    ends_otherwise: bool = False
    lands_late: bool = False

    def __str__(self) -> str:
        return self.name


def crash_before(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    raise Crash(str(hit))


def crash_after(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    call()
    raise Crash(str(hit))


def no_answer(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    raise _time_out(hit)


def lost_reply(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    call()
    raise _time_out(hit)


def slow_reply(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    """The effect lands, then nothing is heard until others have finished; the worker goes on as if nothing had been."""
    answer = call()
    world.others_finish()
    return answer


def slow_request(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    """The worker is frozen; its request lands when others have finished."""
    world.others_finish()
    return call()


def twice(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    world.others_get_the_same_messages()
    return call()


def cancelled(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    if operation is not None:
        with contextlib.suppress(TooLateToCancel):
            cancel(operation, actor="tests")
    return call()


def deleted(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    if operation is not None:
        database = _database_of(operation)
        if database.service is not None and database.status != Database.Status.DELETED:
            request_deletion(database.service, actor="tests")
    return call()


def refused(status: int, code: str, retry_after: int | None = None) -> Callable[..., Any]:
    """The call is answered by this error, without effect."""

    def strike(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
        if hit.is_sql:
            raise SqlFailure("refused", number=SQL_NUMBERS[status], severity=16)
        rule = FaultRule(FaultKind.STATUS, path=NO_SIGN_IN, status=status, code=code, retry_after=retry_after)
        world.local.azure.faults.add(rule)
        return call()

    return strike


def not_found_for_a_while(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    world.local.azure.faults.add(FaultRule(FaultKind.NOT_FOUND_AFTER, seconds=HIDDEN_SECONDS))
    return call()


def sql_refused(number: int) -> Callable[..., Any]:
    """The statement, or the sign-in, is answered by this error, without effect."""

    def strike(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
        raise SqlFailure("refused", number=number, severity=16)

    return strike


def deleted_by_hand(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    """Somebody has just deleted the secret that is written or read here; it can be recovered."""
    assert operation is not None
    found = OWN_SECRET.search(hit.name)
    assert found is not None
    name = f"{_database_of(operation).azure_name}{found[1] or ''}"
    if name in world.local.secrets():
        world.local.delete_secret(name)
    return call()


def stale_reads(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    """The vault changes, and is read as it was before for a while."""
    answer = call()
    world.local.let_vault_lag(STALE_SECONDS)
    return answer


def lost_reply_and_stale_reads(world: World, operation: Operation | None, hit: Hit, call: Call) -> Any:
    stale_reads(world, operation, hit, call)
    raise _time_out(hit)


def _database_of(operation: Operation) -> Database:
    """The operation's own database; the one that stood before for an emergency of everything."""
    kind, key, *_ = operation.target_key.split(":")
    return Database.objects.get(pk=key) if kind in ("database", "credential") else Database.objects.earliest("pk")


def _time_out(hit: Hit) -> Exception:
    if hit.is_sql:
        return SqlFailure("timed out", unreachable=True)
    return requests.exceptions.ReadTimeout("The read timed out.")


def _is_call(hit: Hit) -> bool:
    return hit.is_call


def _is_api_call(hit: Hit) -> bool:
    """Not those to Entra: the library remembers a refusal for a minute of real time, which does not pass here."""
    return hit.is_call and not hit.is_sign_in


def _after_begin(hit: Hit) -> bool:
    return hit.name not in ("hint.before",)


def _uses_own_secret(hit: Hit) -> bool:
    """While one of the database's secrets is set or read; what is deleted when all is done, nobody here repairs."""
    step = hit.after.partition(".")[2]
    return OWN_SECRET.search(hit.name) is not None and hit.is_vault_call and step not in AFTER_ALL


FAULTS = (
    Fault("crash before", crash_before),
    Fault("crash after the effect", crash_after, _is_call),
    Fault("no answer", no_answer, _is_call),
    Fault("lost reply", lost_reply, _is_call),
    Fault("late return", slow_reply, _after_begin, lands_late=True),
    Fault("late request", slow_request, _is_call, lands_late=True),
    Fault("delivered twice", twice, _after_begin),
    Fault("429", refused(429, "TooManyRequests", 17), _is_api_call),
    Fault("409", refused(409, "AnotherOperationInProgress"), lambda hit: hit.is_arm_write),
    Fault("500", refused(500, "InternalServerError"), _is_api_call),
    Fault("503", refused(503, "ServiceTemporarilyUnavailable"), _is_api_call),
    Fault("404 for a while", not_found_for_a_while, lambda hit: hit.is_arm_put),
    Fault("cancel", cancelled, _after_begin, ends_otherwise=True),
    Fault("delete", deleted, _after_begin, ends_otherwise=True),
)

# What else may happen to a vault and to a database's logins; 40613, 10928 and a connection cut after the effect are the
# SQL side of "503", "429" and "lost reply" above.
CREDENTIAL_FAULTS = (
    Fault("40615", sql_refused(40615), lambda hit: hit.is_sql),
    Fault("secret deleted by hand", deleted_by_hand, _uses_own_secret),
    Fault("stale reads", stale_reads, lambda hit: hit.is_vault_write),
    Fault("lost reply, stale reads", lost_reply_and_stale_reads, lambda hit: hit.is_vault_write),
)
