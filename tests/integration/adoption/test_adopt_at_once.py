"""Two who import the same at once: one takes it, the other is told that it is ours already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloud.protocols import ServerRef
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from provisioning.adoption.importing import ATTEMPTS, AdoptedMeanwhile, adopt
from provisioning.adoption.preview import AdoptionWish
from tests.builders import a_server
from tests.crash import judging
from tests.integration.adoption.test_adopt import GROUP, a_wish, theirs, verdicts
from tests.local_azure import LocalAzure

__all__ = ["theirs"]


def during_the_look(azure: LocalAzure, act: Callable[[], object]) -> None:
    """Somebody acts once, while Azure is asked for the last that an import needs to know."""
    straight = azure.around

    def around(name: str, call: Callable[[], Any]) -> Any:
        if "backupShortTermRetention" in name:
            azure.around = straight
            act()
        return call()

    azure.around = around


@pytest.mark.parametrize("known", [False, True], ids=["nothing is ours", "its server is ours"])
def test_the_second_finds_what_the_first_has_taken(
    azure: LocalAzure, theirs: ServerRef, workspace: Workspace, known: bool
):
    if known:
        adopt(AdoptionWish(theirs.subscription_id, GROUP), actor="first", reason="tests")
        ElasticPool.objects.all().delete()
        SqlServer.objects.update(vcores_committed=0)
    during_the_look(azure, lambda: adopt(a_wish(theirs), actor="first", reason="tests"))
    found = verdicts(adopt(a_wish(theirs), actor="second", reason="tests"))
    assert found == {"handmade-1": "known", "pool-1": "known", "patients": "known", "reports": "UnknownTier"}
    assert (SqlServer.objects.count(), ElasticPool.objects.count(), Database.objects.count()) == (1, 1, 1)
    assert [*judging.counters()] == []


def test_who_is_forestalled_at_every_look_is_told_so(azure: LocalAzure, theirs: ServerRef, workspace: Workspace):
    straight, looks = azure.around, list[str]()

    def around(name: str, call: Callable[[], Any]) -> Any:
        if name.endswith("/servers"):
            SqlServer.objects.all().delete()
            looks.append(name)
        if "backupShortTermRetention" in name:
            SqlServer.objects.filter(pk=a_server().pk).update(azure_name="handmade-1")
        return straight(name, call)

    azure.around = around
    with pytest.raises(AdoptedMeanwhile):
        adopt(a_wish(theirs), actor="second", reason="tests")
    assert len(looks) == ATTEMPTS
    assert not Database.objects.exists()
