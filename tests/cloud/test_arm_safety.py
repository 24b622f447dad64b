"""Where our requests may go, how many, and what a bad answer is taken for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog

from cloud import factory
from cloud.errors import Rejected, RetryLater, Throttled
from cloud.protocols import CallClass, ServerRef, SqlManagement
from cloud.throttle import LocalBucket, Rate, Rates
from simulator.azure import Azure
from simulator.http import Request, Response, answer
from tests.cloud.builders import PASSWORD, POOL, POOLED, a_pool, a_server
from tests.cloud.in_process import configure


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


@pytest.mark.parametrize("body", [b"{}", b'{"value": null}', b'{"value": {}}', b'{"id": 7}', b"[]", b"no json"])
def test_a_page_without_its_values_is_no_empty_page(azure: Azure, body: bytes):
    server = a_pool(azure, a_server(azure))

    def garble(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/subscriptions"):
            return call()
        return Response(200, {"content-type": "application/json"}, body)

    configure(azure, around=garble)
    for listing in (factory.sql_management().list_databases, factory.sql_management().list_pools):
        with pytest.raises(RetryLater) as refused:
            listing(server)
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


def test_answers_are_logged_with_their_ids_and_without_queries(azure: Azure, arm: SqlManagement):
    with structlog.testing.capture_logs() as logs:
        accepted = arm.begin_create_pool(a_server(azure), "p-1", POOL)
        assert accepted.poll_url is not None
        arm.poll(azure.arm.subscriptions[0], accepted.poll_url)
    written = [one for one in logs if one["event"] == "azure.answered"]
    made = next(one for one in written if one["path"].endswith("/elasticPools/p-1"))
    assert (made["method"], made["status"], made["log_level"]) == ("PUT", 202, "info")
    assert made["request_id"] == accepted.request_id
    assert made["client_request_id"]
    assert made["correlation_id"]
    assert not any("?" in one["path"] for one in written)
    assert PASSWORD.reveal() not in str(logs)
