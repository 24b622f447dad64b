"""The ARM adapter through Microsoft's SDK, against the simulated Azure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from cloud import factory
from cloud.classify import failure_of
from cloud.errors import InProgress, Missing, NoRoomHere, Rejected, RetryLater, Throttled
from cloud.protocols import (
    Accepted,
    CallClass,
    DatabaseSpec,
    PollState,
    PoolSpec,
    ServerRef,
    ServerSpec,
    Sku,
    SqlManagement,
)
from cloud.secrets import Secret
from cloud.throttle import LocalBucket, Rate, Rates
from simulator.azure import Azure
from simulator.faults import FaultKind, FaultRule
from simulator.http import Request, Response, answer
from tests.cloud.in_process import configure

PASSWORD = Secret("Correct-Horse-9")
POOL = PoolSpec("eastus", Sku("GP_Gen5", "GeneralPurpose", "Gen5", 4), None, 0, 2, tags={"pool": "1"})
POOLED = DatabaseSpec("eastus", pool_name="p-1", max_size_bytes=2**35, tags={"database": "1"})
HYPERSCALE = DatabaseSpec("eastus", sku=Sku("HS_Gen5", "Hyperscale", "Gen5", 2))


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    configure(azure)
    return azure


@pytest.fixture
def arm(azure: Azure) -> SqlManagement:
    return factory.sql_management()


def a_server_spec(**changes: object) -> ServerSpec:
    words: dict[str, object] = {"region": "eastus", "administrator_login": "sppadmin", "minimal_tls_version": "1.2"}
    words |= {"public_network_access": True, "entra_only": False, "tags": {"deployment": "d"}}
    return ServerSpec(**{**words, **changes})


def a_server(azure: Azure, name: str = "spp-1") -> ServerRef:
    """A finished server in a resource group of its own."""
    arm = factory.sql_management()
    server = ServerRef(azure.arm.subscriptions[0], "rg-1", name)
    arm.ensure_resource_group(server.subscription_id, "rg-1", "eastus", {"deployment": "d"})
    finish(azure, arm.begin_create_server(server, a_server_spec(), PASSWORD))
    return server


def a_pool(azure: Azure, server: ServerRef) -> ServerRef:
    finish(azure, factory.sql_management().begin_create_pool(server, "p-1", POOL))
    return server


def finish(azure: Azure, accepted: Accepted) -> None:
    """Let simulated time pass until the operation has ended well."""
    azure.clock.advance(timedelta(hours=1))
    if accepted.poll_url:
        poll = factory.sql_management().poll(azure.arm.subscriptions[0], accepted.poll_url)
        assert poll.state is PollState.SUCCEEDED, poll


def test_a_server_is_created_and_seen(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    seen = arm.get_server(server)
    assert seen is not None
    assert (seen.name, seen.region, seen.state) == ("spp-1", "eastus", "Ready")
    assert seen.endpoint == "spp-1.database.windows.net"
    assert (seen.minimal_tls_version, seen.public_network_access) == ("1.2", "Enabled")
    assert seen.tags == {"deployment": "d"}


def test_an_operation_is_followed_by_its_url(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    accepted = arm.begin_create_pool(server, "p-1", POOL)
    assert accepted.poll_url is not None
    assert accepted.request_id
    assert accepted.retry_after == 15
    assert arm.poll(server.subscription_id, accepted.poll_url).state is PollState.RUNNING
    azure.clock.advance(timedelta(hours=1))
    assert arm.poll(server.subscription_id, accepted.poll_url).state is PollState.SUCCEEDED


def test_nothing_waits_inside_a_call(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    before = azure.clock.now()
    arm.begin_create_pool(server, "p-1", POOL)
    assert azure.clock.now() - before < 1, "the SDK's sleeps move this clock"


def test_absent_things_are_none(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    elsewhere = ServerRef(server.subscription_id, "rg-none", "spp-none")
    assert arm.get_server(elsewhere) is None
    assert arm.get_pool(server, "p-none") is None
    assert arm.get_database(server, "d-none") is None
    assert arm.get_database(elsewhere, "d-none") is None


def test_an_unknown_subscription_is_not_an_absent_server(azure: Azure, arm: SqlManagement):
    with pytest.raises(Missing) as refused:
        arm.get_server(ServerRef("00000000-0000-0000-0000-00000000ffff", "rg-1", "spp-1"))
    assert refused.value.code == "SubscriptionNotFound"


def test_lists_of_an_absent_server_are_no_empty_lists(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    elsewhere = ServerRef(server.subscription_id, "rg-1", "spp-none")
    for ask in (arm.list_databases, arm.list_pools):
        with pytest.raises(Missing):
            ask(elsewhere)


def test_a_pool_is_seen_as_it_was_asked_for(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    seen = arm.get_pool(server, "p-1")
    assert seen is not None
    assert seen == arm.list_pools(server)[0]
    assert (seen.state, seen.sku, seen.tags) == ("Ready", POOL.sku, {"pool": "1"})
    assert (seen.per_database_min_vcores, seen.per_database_max_vcores) == (0, 2)


def test_a_pooled_database_is_seen_in_its_pool(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    seen = arm.get_database(server, "d-1")
    assert seen is not None
    assert (seen.status, seen.pool_name, seen.max_size_bytes) == ("Online", "p-1", 2**35)
    assert (seen.objective, seen.requested_objective) == ("ElasticPool", "ElasticPool")
    assert (seen.backup_redundancy, seen.tags) == ("Geo", {"database": "1"})


def test_a_hyperscale_database_has_no_size_limit(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    finish(azure, arm.begin_create_database(server, "d-1", HYPERSCALE))
    seen = arm.get_database(server, "d-1")
    assert seen is not None
    assert (seen.sku, seen.max_size_bytes, seen.pool_name) == (HYPERSCALE.sku, None, None)


def test_a_listing_has_all_pages_and_not_master():
    azure = Azure(page_size=3)
    configure(azure)
    arm, server = factory.sql_management(), a_pool(azure, a_server(azure))
    for number in range(7):
        arm.begin_create_database(server, f"d-{number}", POOLED)
    assert [one.name for one in arm.list_databases(server)] == [f"d-{number}" for number in range(7)]


def test_a_listing_with_a_lost_page_is_no_listing():
    azure = Azure(page_size=3)
    configure(azure)
    arm, server = factory.sql_management(), a_pool(azure, a_server(azure))
    for number in range(7):
        arm.begin_create_database(server, f"d-{number}", POOLED)
    seen: list[str] = []

    def lose_the_second(request: Request, call: Callable[[], Response]) -> Response:
        seen.append(request.path)
        return answer(503, {"error": {"code": "ServiceTemporarilyUnavailable"}}) if len(seen) == 3 else call()

    configure(azure, around=lose_the_second)
    with pytest.raises(RetryLater):
        factory.sql_management().list_databases(server)


def test_deleting_what_is_gone_is_done(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    assert arm.begin_delete_database(server, "d-none").poll_url is None
    assert arm.begin_delete_pool(server, "p-none").poll_url is None
    assert arm.begin_delete_server(ServerRef(server.subscription_id, "rg-1", "spp-none")).poll_url is None
    assert arm.begin_delete_database(ServerRef(server.subscription_id, "rg-none", "x"), "d").poll_url is None


def test_everything_can_be_deleted_again(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    finish(azure, arm.begin_delete_database(server, "d-1"))
    assert arm.get_database(server, "d-1") is None
    finish(azure, arm.begin_delete_pool(server, "p-1"))
    assert arm.get_pool(server, "p-1") is None
    finish(azure, arm.begin_delete_server(server))
    assert arm.get_server(server) is None


def test_a_pool_that_is_not_there_is_missing(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    with pytest.raises(Missing) as refused:
        arm.begin_create_database(server, "d-1", POOLED)
    assert refused.value.code == "TargetElasticPoolDoesNotExist"


def test_a_pool_with_databases_is_not_deleted(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    with pytest.raises(Rejected) as refused:
        arm.begin_delete_pool(server, "p-1")
    assert refused.value.code == "ElasticPoolNotEmpty"


def test_a_full_server_says_choose_another_place(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    big = PoolSpec("eastus", Sku("GP_Gen5", "GeneralPurpose", "Gen5", 128), None, 0, 2)
    for number in range(4):
        finish(azure, arm.begin_create_pool(server, f"p-{number}", big))
    with pytest.raises(NoRoomHere):
        arm.begin_create_pool(server, "p-4", big)


def test_settings_of_a_new_database_are_read_and_set(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    assert arm.get_retention_days(server, "d-1") == 7
    finish(azure, arm.begin_set_retention(server, "d-1", 14))
    assert arm.get_retention_days(server, "d-1") == 14
    assert arm.get_tde_enabled(server, "d-1") is True
    finish(azure, arm.begin_enable_tde(server, "d-1"))
    assert arm.get_retention_days(server, "d-none") is None
    assert arm.get_tde_enabled(server, "d-none") is None


def test_settings_of_a_new_server_are_read_and_set(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    assert arm.get_auditing_enabled(server) is False
    finish(azure, arm.begin_enable_auditing(server))
    assert arm.get_auditing_enabled(server) is True
    arm.set_firewall_rule(server, "office", "10.0.0.1", "10.0.0.9")
    arm.set_firewall_rule(server, "office", "10.0.0.1", "10.0.0.9")


def test_a_resource_group_is_made_once_and_its_tags_are_left_alone(azure: Azure, arm: SqlManagement):
    subscription = azure.arm.subscriptions[0]
    asked: list[str] = []

    def note(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.method)
        return call()

    configure(azure, around=note)
    factory.sql_management().ensure_resource_group(subscription, "rg-1", "eastus", {"a": "1"})
    factory.sql_management().ensure_resource_group(subscription, "rg-1", "eastus", {"a": "2"})
    assert asked.count("PUT") == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/subscriptions/x",
        "http://management.azure.com/subscriptions/x",
        "https://management.azure.com.evil.example/x",
        "https://management.azure.com@evil.example/x",
        "https://management.azure.com:8443/x",
        "https://[half",
        "/subscriptions/x",
        "",
    ],
)
def test_a_poll_url_leads_to_arm_or_nowhere(azure: Azure, arm: SqlManagement, url: str):
    asked: list[str] = []

    def note(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.host)
        return call()

    configure(azure, around=note)
    with pytest.raises(Rejected) as refused:
        factory.sql_management().poll(azure.arm.subscriptions[0], url)
    assert refused.value.code == "ForeignAddress"
    assert asked == []


def test_a_redirect_is_not_followed(azure: Azure):
    asked: list[str] = []

    def redirect(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.host)
        if "oauth2" in request.path or "openid" in request.path:
            return call()
        return Response(302, {"location": "https://evil.example/"})

    configure(azure, around=redirect)
    with pytest.raises(Rejected):
        factory.sql_management().get_server(ServerRef(azure.arm.subscriptions[0], "rg", "s"))
    assert "evil.example" not in asked


def test_a_next_page_elsewhere_is_not_followed(azure: Azure):
    server = a_server(azure)
    asked: list[str] = []

    def lure(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.host)
        if request.path.endswith("/databases"):
            return answer(200, {"value": [], "nextLink": "https://evil.example/next"})
        return call()

    configure(azure, around=lure)
    with pytest.raises(Rejected):
        factory.sql_management().list_databases(server)
    assert "evil.example" not in asked


def test_a_429_closes_the_bucket_for_the_class(azure: Azure):
    server = a_server(azure)
    bucket = LocalBucket()
    sampling = CallClass.SAMPLING

    def slow_down(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/subscriptions"):
            return call()
        return answer(429, {"error": {"code": "SubscriptionTooManyRequests", "message": ""}}, {"retry-after": "17"})

    configure(azure, around=slow_down, bucket=bucket)
    with pytest.raises(Throttled) as refused:
        factory.sql_management(sampling).get_server(server)
    assert refused.value.retry_after == 17
    assert 16 < bucket.take(server.subscription_id, sampling, write=False) <= 17
    assert bucket.take(server.subscription_id, CallClass.USER, write=False) == 0


def test_an_empty_bucket_sends_nothing(azure: Azure):
    server = ServerRef(azure.arm.subscriptions[0], "rg", "s")
    asked: list[str] = []

    def note(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.path)
        return call()

    configure(azure, around=note, bucket=LocalBucket(Rates(reads=Rate(1, 0.1))))
    factory.sql_management().get_server(server)
    sent = len(asked)
    with pytest.raises(Throttled) as refused:
        factory.sql_management().get_server(server)
    assert refused.value.code == "OwnRateLimit"
    assert 9 < (refused.value.retry_after or 0) <= 10
    assert len(asked) == sent


def test_a_lost_reply_leaves_the_effect(azure: Azure):
    server = a_server(azure)

    def lose(request: Request, call: Callable[[], Response]) -> Response:
        response = call()
        if request.method == "PUT":
            response.cut = True
        return response

    configure(azure, around=lose)
    with pytest.raises(RetryLater) as refused:
        factory.sql_management().begin_create_pool(server, "p-1", POOL)
    assert refused.value.code == "NoAnswer"
    configure(azure)
    azure.clock.advance(timedelta(hours=1))
    assert factory.sql_management().get_pool(server, "p-1") is not None


def test_one_outage_is_one_request(azure: Azure):
    server = a_server(azure)
    asked: list[str] = []

    def outage(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/subscriptions"):
            return call()
        asked.append(request.path)
        return Response(503, {"content-type": "text/html"}, b"<html>Service Unavailable</html>")

    configure(azure, around=outage)
    with pytest.raises(RetryLater) as refused:
        factory.sql_management().get_server(server)
    assert refused.value.code == "Http503"
    assert len(asked) == 1


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[]", b"7", b"null", b'{"properties": {}}', b'{"properties": 1}', b'{"id": "x", "name": "s"}'],
)
def test_an_answer_that_makes_no_sense_is_no_answer(azure: Azure, body: bytes):
    def garble(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/subscriptions"):
            return call()
        return Response(200, {"content-type": "application/json"}, body)

    configure(azure, around=garble)
    with pytest.raises(RetryLater) as refused:
        factory.sql_management().get_server(ServerRef(azure.arm.subscriptions[0], "rg", "s"))
    assert refused.value.code == "InvalidAnswer"


def test_a_state_that_the_sdk_does_not_know_is_kept_as_text(azure: Azure):
    server = a_pool(azure, a_server(azure))

    def rename(request: Request, call: Callable[[], Response]) -> Response:
        response = call()
        return Response(response.status, {}, response.body.replace(b'"Ready"', b'"Levitating"'))

    configure(azure, around=rename)
    seen = factory.sql_management().get_pool(server, "p-1")
    assert seen is not None
    assert seen.state == "Levitating"


def test_an_operation_that_failed_tells_its_class(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    azure.faults.add(
        FaultRule(FaultKind.FAILED_OPERATION, code="ElasticPoolOverStorage", path=re.compile("/databases/"))
    )
    accepted = arm.begin_create_database(server, "d-1", POOLED)
    azure.clock.advance(timedelta(hours=1))
    assert accepted.poll_url is not None
    poll = arm.poll(server.subscription_id, accepted.poll_url)
    assert (poll.state, poll.code) == (PollState.FAILED, "ElasticPoolOverStorage")
    assert type(failure_of(poll)) is NoRoomHere


def test_an_operation_of_somebody_else_is_in_progress(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    arm.begin_create_database(server, "d-1", POOLED)
    with pytest.raises(InProgress):
        arm.begin_delete_database(server, "d-1")
