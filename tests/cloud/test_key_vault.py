from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cloud import factory
from cloud.errors import AlreadyThere, Missing, Rejected, RetryLater, Throttled
from cloud.protocols import CallClass
from cloud.secret_store import SecretStore
from cloud.secrets import Secret
from cloud.throttle import LocalBucket, Rate, Rates, VaultBudget
from simulator.azure import Azure
from simulator.http import Request, Response, answer
from tests.cloud.in_process import VAULT, configure


@pytest.fixture
def store(azure: Azure) -> SecretStore:
    return factory.secret_store()


def test_a_secret_is_set_and_read_with_its_tags(store: SecretStore):
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    made = store.set("d-1-a", Secret("value"), tags={"operation": "7"}, expires_at=expires)
    found = store.get("d-1-a")
    assert found == (Secret("value"), made)
    assert (made.vault_url, made.name, made.enabled, made.tags, made.expires_at) == (
        VAULT,
        "d-1-a",
        True,
        {"operation": "7"},
        expires,
    )


def test_an_unknown_secret_is_none_and_has_no_versions(store: SecretStore):
    assert store.get("d-none") is None
    assert store.versions("d-none") == []


def test_an_unknown_version_is_none(store: SecretStore):
    store.set("d-1-a", Secret("value"), tags={})
    assert store.get("d-1-a", "0" * 32) is None


def test_versions_are_listed_without_values(store: SecretStore):
    made = [store.set("d-1-a", Secret(str(n)), tags={"n": str(n)}) for n in range(3)]
    assert list(store.versions("d-1-a")) == made


def test_a_disabled_version_is_refused_but_listed(store: SecretStore):
    made = store.set("d-1-a", Secret("value"), tags={})
    store.disable("d-1-a", made.version)
    assert [one.enabled for one in store.versions("d-1-a")] == [False]
    with pytest.raises(Rejected) as refused:
        store.get("d-1-a")
    assert refused.value.code == "SecretDisabled"


def test_disabling_an_unknown_version_raises(store: SecretStore):
    with pytest.raises(Missing):
        store.disable("d-1-a", "0" * 32)


def test_a_deleted_name_is_taken(store: SecretStore, azure: Azure):
    store.set("d-1-a", Secret("value"), tags={})
    store._client.begin_delete_secret("d-1-a").wait()
    assert store.get("d-1-a") is None
    with pytest.raises(AlreadyThere):
        store.set("d-1-a", Secret("again"), tags={})


def test_one_token_serves_many_calls(azure: Azure):
    asked: list[str] = []

    def note(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.path)
        return call()

    configure(azure, around=note)
    for n in range(5):
        factory.secret_store().set(f"d-{n}", Secret("value"), tags={})
    assert sum(path.endswith("/token") for path in asked) == 1


def test_a_wrong_client_secret_is_no_reason_to_try_again(azure: Azure):
    configure(azure, client_secret=Secret("wrong"))
    with pytest.raises(Rejected):
        factory.secret_store().get("d-1-a")


def test_a_lost_reply_leaves_a_version_that_its_tag_finds(azure: Azure):
    def lose(request: Request, call: Callable[[], Response]) -> Response:
        response = call()
        if request.method == "PUT" and response.status == 200:
            response.cut = True
        return response

    configure(azure, around=lose)
    with pytest.raises(RetryLater):
        factory.secret_store().set("d-1-a", Secret("value"), tags={"operation": "7"})
    configure(azure)
    assert [one.tags for one in factory.secret_store().versions("d-1-a")] == [{"operation": "7"}]


def test_a_busy_vault_says_how_long_to_wait(azure: Azure):
    asked: list[str] = []

    def busy(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/secrets"):
            return call()
        asked.append(request.path)
        return answer(429, {"error": {"code": "Throttled", "message": ""}}, {"retry-after": "4"})

    configure(azure, around=busy)
    with pytest.raises(Throttled) as refused:
        factory.secret_store().get("d-1-a")
    assert refused.value.retry_after == 4
    assert len(asked) == 1


def a_budget(*, vault: float = 100, subscription: float = 100) -> VaultBudget:
    """So many calls of each kind, and no more: nothing comes back during a test."""

    def bucket(calls: float) -> LocalBucket:
        return LocalBucket(Rates(writes=Rate(calls, 0.001), reads=Rate(calls, 0.001)))

    return VaultBudget(bucket(vault), bucket(subscription))


def test_a_vault_is_not_asked_for_more_than_it_gives(azure: Azure):
    asked: list[str] = []

    def note(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.path)
        return call()

    configure(azure, around=note, budget=a_budget(vault=3))
    for n in range(3):
        factory.secret_store().set(f"d-{n}", Secret("value"), tags={})
    before = len(asked)
    with pytest.raises(Throttled) as refused:
        factory.secret_store().set("d-3", Secret("value"), tags={})
    assert refused.value.code == "OwnRateLimit"
    assert len(asked) == before
    assert factory.secret_store().get("d-0") is not None  # reads have a limit of their own


def test_vaults_share_what_their_subscription_gives(azure: Azure):
    configure(azure, budget=a_budget(subscription=2))
    factory.secret_store().set("d-1", Secret("value"), tags={})
    factory.secret_store("https://other.vault.azure.net").set("d-1", Secret("value"), tags={})
    with pytest.raises(Throttled):
        factory.secret_store("https://third.vault.azure.net").set("d-1", Secret("value"), tags={})


def test_rotations_leave_a_reserve_to_users(azure: Azure):
    configure(azure, budget=a_budget(vault=20))
    rotating = factory.secret_store(call_class=CallClass.ROTATION)
    for n in range(18):
        rotating.set(f"d-{n}", Secret("value"), tags={})
    with pytest.raises(Throttled):
        rotating.set("d-18", Secret("value"), tags={})
    factory.secret_store().set("d-19", Secret("value"), tags={})


def test_a_busy_vault_is_left_alone_by_everyone_of_the_class_but_not_by_users(azure: Azure):
    asked: list[str] = []

    def busy_once(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/secrets"):
            return call()
        asked.append(request.path)
        refused = {"error": {"code": "Throttled", "message": ""}}
        return answer(429, refused, {"retry-after": "60"}) if len(asked) == 1 else call()

    configure(azure, around=busy_once, budget=a_budget())
    for _ in range(3):
        with pytest.raises(Throttled) as refused:
            factory.secret_store(call_class=CallClass.ROTATION).get("d-1")
        assert 50 < (refused.value.retry_after or 0) <= 60
    assert len(asked) == 1
    assert factory.secret_store().get("d-1") is None
