"""Bearer tokens: what is taken, what is refused, and what the log says of both."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.test import override_settings

from controlplane.api import auth
from controlplane.api.principals import Role
from controlplane.api.signing_keys import DirectoryUnavailable, SigningKeys, UnknownKey
from controlplane.api.throttles import RefusedSignIns
from operations.models import AuditEvent
from tests.acceptance.callers import AUTHORITY, TENANT, Directory, with_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces"
FORGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class MovableClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    fixed = {"aud": settings.API_AUDIENCE, "iss": f"{AUTHORITY}/{TENANT}/v2.0", "tid": TENANT, "oid": "o"}
    return {**fixed, "iat": now, "nbf": now, "exp": now + 600, "roles": ["Operator"], **changes}


def key_id_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_token_of_the_directory_is_taken_and_recorded_once(directory: Directory):
    client = directory.caller("operator", Role.OPERATOR)
    assert client.get(URL).status_code == client.get(URL).status_code == 200
    event = AuditEvent.objects.get(action="api.signed_in")
    assert event.actor == f"entra:{TENANT}/{directory.object_id('operator')}"
    assert event.after["roles"] == ["Operator"]


def refusals_of(directory: Directory) -> dict[str, str]:
    """Tokens that must not be taken, by what is wrong with them."""
    good = directory.token("operator", "Operator")
    kid = {"kid": key_id_of(good)}
    other = Directory(tenant="99999999-2222-3333-4444-555555555555", seed=2)
    header, payload, _ = good.split(".")
    return {
        "expired": directory.token("operator", "Operator", seconds=-120),
        "another audience": directory.token("operator", "Operator", audience="api://other"),
        "another issuer": directory.token("operator", "Operator", authority="https://evil.example"),
        "another directory": other.token("operator", "Operator"),
        "no signature": jwt.encode(claims(), None, algorithm="none", headers=kid),
        "a shared secret": jwt.encode(claims(), "secret" * 10, algorithm="HS256", headers=kid),
        "another algorithm": jwt.encode(claims(), FORGER, algorithm="RS512", headers=kid),
        "a forged signature": jwt.encode(claims(), FORGER, algorithm="RS256", headers=kid),
        "an unknown key": jwt.encode(claims(), FORGER, algorithm="RS256", headers={"kid": "mine"}),
        "a key of its own": jwt.encode(
            claims(), FORGER, algorithm="RS256", headers={**kid, "jku": "https://evil.example"}
        ),
        "no key named": jwt.encode(claims(), FORGER, algorithm="RS256"),
        "a cut signature": f"{header}.{payload}.AAAA",
        "no token at all": "nonsense",
        "too long": "x" * 20_000,
        "NUL": "a.\x00.b",
    }


@pytest.mark.parametrize("fault", sorted(refusals_of(Directory())))
def test_a_token_with_this_fault_is_refused(fault: str, directory: Directory):
    token = refusals_of(directory)[fault]
    answer = with_token(token).get(URL)
    assert (answer.status_code, answer["x-ms-error-code"]) == (401, "AuthenticationFailed")
    assert token not in answer.content.decode()
    event = AuditEvent.objects.get()
    assert (event.action, event.outcome, event.actor) == ("api.sign_in_refused", "refused", "anonymous")
    assert token not in str(event.__dict__)


@pytest.mark.parametrize("missing", ["exp", "nbf", "iss", "aud", "tid", "oid"])
def test_a_token_that_lacks_a_claim_is_refused(missing: str, directory: Directory):
    incomplete = {name: value for name, value in claims().items() if name != missing}
    signed = signed_by(directory, incomplete)
    assert with_token(signed).get(URL).status_code == 401


def signed_by(directory: Directory, document: dict[str, object]) -> str:
    """These very claims under the directory's own key."""
    private: Any = directory.entra._tokens._private
    kid = key_id_of(directory.token("x"))
    return jwt.encode(document, private, algorithm="RS256", headers={"kid": kid})


@pytest.mark.parametrize("roles", [None, "Operator", ["operator"], ["Administrator"], [5], {}])
def test_a_token_without_a_role_of_ours_may_do_nothing(roles: object, directory: Directory):
    answer = with_token(signed_by(directory, claims(roles=roles))).get(URL)
    assert (answer.status_code, answer["x-ms-error-code"]) == (403, "AuthorizationFailed")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x"])
def test_other_ways_to_sign_in_are_refused(header: str, directory: Directory, client):
    answer = client.get(URL, HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401


def test_a_token_in_the_address_is_not_taken(directory: Directory, client):
    token = directory.token("operator", "Operator")
    assert client.get(f"{URL}?access_token={token}").status_code == 401


def test_refused_sign_ins_are_limited_and_then_no_longer_recorded(directory: Directory, monkeypatch):
    monkeypatch.setattr(RefusedSignIns, "THROTTLE_RATES", {"refused_sign_ins": "3/min"})
    answers = [with_token("nonsense").get(URL) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 3
    assert answers[-1]["x-ms-error-code"] == "TooManyRequests"
    assert int(answers[-1]["Retry-After"]) > 0
    assert AuditEvent.objects.count() == 3
    assert directory.caller("operator", Role.OPERATOR).get(URL).status_code == 200


def test_a_caller_who_asks_too_often_is_slowed_and_others_are_not(directory: Directory, monkeypatch):
    from rest_framework.throttling import UserRateThrottle

    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})
    eager = directory.caller("eager", Role.OPERATOR)
    assert [eager.get(URL).status_code for _ in range(3)] == [200, 200, 429]
    assert directory.caller("calm", Role.OPERATOR).get(URL).status_code == 200


@override_settings(API_TENANTS=[])
def test_without_allowed_directories_nobody_signs_in(directory: Directory):
    assert directory.caller("operator", Role.OPERATOR).get(URL).status_code == 401
    assert directory.fetched == []


def test_a_directory_that_does_not_answer_is_no_refusal(directory: Directory):
    def away(url: str) -> object:
        raise OSError(url)

    auth.configure(SigningKeys(AUTHORITY, fetch=away))
    answer = directory.caller("operator", Role.OPERATOR).get(URL)
    assert (answer.status_code, answer["x-ms-error-code"]) == (503, "DirectoryUnavailable")
    assert answer["Retry-After"] == "10"


def test_keys_are_read_once_and_again_when_a_new_one_appears(directory: Directory):
    clock = MovableClock()
    keys = SigningKeys(AUTHORITY, fetch=directory.fetch, now=clock)
    old = key_id_of(directory.token("x"))
    for _ in range(5):
        keys.find(TENANT, old)
    assert len(directory.fetched) == 2  # metadata and keys
    directory.entra = Directory(seed=77).entra  # the directory rolls its key over
    new = key_id_of(directory.token("x"))
    assert new != old
    with pytest.raises(UnknownKey):
        keys.find(TENANT, new)  # too soon after the last reading
    clock.seconds += 11
    assert keys.find(TENANT, new)[0] == f"{AUTHORITY}/{TENANT}/v2.0"
    with pytest.raises(UnknownKey):
        keys.find(TENANT, old)


def test_made_up_key_ids_cause_no_flood_of_readings(directory: Directory):
    clock = MovableClock()
    keys = SigningKeys(AUTHORITY, fetch=directory.fetch, now=clock)
    for number in range(100):
        clock.seconds += 0.1
        with pytest.raises(UnknownKey):
            keys.find(TENANT, f"made-up-{number}")
    assert len(directory.fetched) == 2


def test_known_keys_serve_for_a_day_while_the_directory_is_away(directory: Directory):
    clock = MovableClock()
    away = False

    def fetch(url: str) -> object:
        if away:
            raise OSError(url)
        return directory.fetch(url)

    keys = SigningKeys(AUTHORITY, fetch=fetch, now=clock)
    kid = key_id_of(directory.token("x"))
    keys.find(TENANT, kid)
    away = True
    clock.seconds += 23 * 3600
    assert keys.find(TENANT, kid)
    clock.seconds += 2 * 3600
    with pytest.raises(DirectoryUnavailable):
        keys.find(TENANT, kid)


def test_keys_at_another_host_are_not_read(directory: Directory):
    def fetch(url: str) -> object:
        if url.endswith("openid-configuration"):
            return {"issuer": "x", "jwks_uri": "https://evil.example/keys"}
        raise AssertionError(f"{url} must not be read")

    with pytest.raises(DirectoryUnavailable):
        SigningKeys(AUTHORITY, fetch=fetch).find(TENANT, "any")
