"""A restore and the forgetting are asked for at the same moment, by two sessions: one is first, the other hears why not."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection, transaction

from controlplane.database_url import DatabaseAddress
from inventory.models import Workspace
from operations import clock
from operations.models import Operation
from provisioning import forgetting
from provisioning.errors import RestoreWindowPassed
from provisioning.restores import RestoreWish, request_restore
from tests.integration.provisioning.test_requests import WAITED_SECONDS, wait_until_blocked
from tests.integration.provisioning.test_restore_database import DAY, HOUR, a_deleted_database, let_time_pass
from tests.local_azure import LocalAzure


class Asking(threading.Thread):
    """Asks in a session of its own and keeps what came of it."""

    def __init__(self, ask: Callable[[], object]) -> None:
        super().__init__()
        self._ask = ask
        self.answer: object = None

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except RestoreWindowPassed as refused:
            self.answer = refused
        finally:
            connection.close()


def kinds() -> list[str]:
    return sorted(Operation.objects.exclude(state="succeeded").values_list("kind", flat=True))


def test_who_comes_to_forget_while_a_restore_is_being_asked_for_leaves_it_alone(
    azure: LocalAzure, workspace: Workspace, application_address: DatabaseAddress
):
    gone = a_deleted_database(azure, workspace)
    let_time_pass(azure, gone.retention_days * DAY - HOUR)
    asking = Asking(lambda: forgetting.request_forgetting(gone.pk))
    with transaction.atomic():
        request_restore(workspace, RestoreWish("claims"), actor="tests")
        clock.advance(2 * HOUR, business=True)
        asking.start()
        wait_until_blocked(application_address)
    asking.join(WAITED_SECONDS)
    assert asking.answer is None
    assert kinds() == ["restore_database"]


def test_who_comes_to_restore_while_it_is_being_forgotten_is_told_the_dates(
    azure: LocalAzure, workspace: Workspace, application_address: DatabaseAddress
):
    gone = a_deleted_database(azure, workspace)
    let_time_pass(azure, gone.retention_days * DAY)
    asking = Asking(lambda: request_restore(workspace, RestoreWish("claims"), actor="tests"))
    with transaction.atomic():
        assert forgetting.request_forgetting(gone.pk) is not None
        asking.start()
        wait_until_blocked(application_address)
    asking.join(WAITED_SECONDS)
    assert isinstance(asking.answer, RestoreWindowPassed)
    assert "could be restored until" in str(asking.answer)
    assert kinds() == ["forget_database"]
