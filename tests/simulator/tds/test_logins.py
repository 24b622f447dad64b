"""Who may sign in, and where."""

from __future__ import annotations

import pytest

from simulator.tds.directory import Admission
from simulator.tds.engine import connect
from simulator.tds.errors import SqlError
from tests.simulator.tds.builders import (
    ADMIN,
    ADMIN_PASSWORD,
    DATABASE,
    PASSWORD,
    SERVER,
    a_user,
    a_world,
    an_admin,
    number_of,
    sign_in,
    value,
)


def test_the_administrator_is_dbo_in_every_database() -> None:
    admin = an_admin(a_world())
    assert admin.execute("SELECT USER_NAME(), SUSER_SNAME(), DB_NAME()")[0].rows == (("dbo", ADMIN, DATABASE),)


def test_a_contained_user_signs_in_to_its_own_database_only() -> None:
    world = a_world()
    world.add_database(SERVER, "d-two")
    assert value(a_user(world), "SELECT USER_NAME()") == "svc_a"
    with pytest.raises(SqlError) as caught:
        connect(world, server=SERVER, database="d-two", user="svc_a", password=PASSWORD)
    assert caught.value.number == 18456


@pytest.mark.parametrize(
    ("user", "password"), [("svc_a", "wrong"), ("nobody", PASSWORD), (ADMIN, "wrong"), ("dbo", "")]
)
def test_wrong_user_and_wrong_password_sound_alike(user: str, password: str) -> None:
    world = a_world()
    a_user(world)
    with pytest.raises(SqlError) as caught:
        sign_in(world, user, password)
    assert (caught.value.number, caught.value.severity, caught.value.state) == (18456, 14, 1)
    assert caught.value.message == f"Login failed for user '{user}'."


def test_user_names_ignore_case_and_passwords_do_not() -> None:
    world = a_world()
    a_user(world)
    assert sign_in(world, "SVC_A").login == "svc_a"
    assert number_of(lambda: sign_in(world, "svc_a", PASSWORD.upper())) == 18456


def test_an_absent_database_answers_4060_and_then_18456() -> None:
    with pytest.raises(SqlError) as caught:
        an_admin(a_world(), database="d-none")
    assert [caught.value.number, *(error.number for error in caught.value.followed_by)] == [4060, 18456]


def test_a_database_that_is_not_online_answers_40613() -> None:
    world = a_world()
    world.add_database(SERVER, "d-late", online=False)
    assert number_of(lambda: an_admin(world, database="d-late")) == 40613


def test_the_firewall_names_the_client() -> None:
    world = a_world()
    world.doors["10.1.2.3"] = Admission.FIREWALL_REFUSES
    with pytest.raises(SqlError, match=r"IP address '10\.1\.2\.3' is not allowed") as caught:
        connect(world, server=SERVER, database=DATABASE, user=ADMIN, password=ADMIN_PASSWORD, client_address="10.1.2.3")
    assert caught.value.number == 40615


def test_public_access_switched_off_answers_47073() -> None:
    world = a_world()
    world.doors["127.0.0.1"] = Admission.PUBLIC_ACCESS_OFF
    assert number_of(lambda: an_admin(world)) == 47073


def test_an_entra_only_server_takes_no_password() -> None:
    world = a_world()
    world.add_server("entra", entra_only=True)
    login = {"database": "master", "user": ADMIN, "password": ADMIN_PASSWORD}
    assert number_of(lambda: connect(world, server="entra", **login)) == 18456


@pytest.mark.parametrize(
    ("dialled", "indication", "user"),
    [
        (f"{SERVER.upper()}.database.windows.net", "", ADMIN),
        (f"tcp:{SERVER}.database.windows.net,1433", "", ADMIN),
        (f"{SERVER}\0", "", ADMIN),
        ("localhost", f"{SERVER}.localhost", ADMIN),
        ("localhost,5000", "", f"{ADMIN}@{SERVER}"),
        ("localhost,5000", "", f"{ADMIN}@{SERVER}.database.windows.net"),
        ("other", "", f"{ADMIN}@{SERVER}"),
    ],
)
def test_the_server_is_found_by_what_the_client_says(dialled: str, indication: str, user: str) -> None:
    world = a_world()
    world.add_server("other")
    session = connect(
        world, server=dialled, server_name_indication=indication, database="master", user=user, password=ADMIN_PASSWORD
    )
    assert (session.server.name, session.login) == (SERVER, ADMIN)


def test_a_database_that_is_alone_of_its_name_names_its_server() -> None:
    world = a_world()
    world.add_server("other")
    login = {"server": "localhost", "user": ADMIN, "password": ADMIN_PASSWORD}
    assert connect(world, database=DATABASE, **login).server.name == SERVER
    world.add_database("other", DATABASE)
    assert number_of(lambda: connect(world, database=DATABASE, **login)) == 40532


def test_a_user_name_may_hold_an_at_sign() -> None:
    world = a_world()
    a_user(world, "ann@example.com")
    assert sign_in(world, "ann@example.com").login == "ann@example.com"
