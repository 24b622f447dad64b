"""Which addresses of customers are spoken to: public ones alone, looked at once and connected to as looked at."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from notifications.addresses import Address, AddressRefused, is_public, parse, pin

PORTS = (443, 8443)
HOOK = Address("hooks.example.com", 443, "/")


def answering(*addresses: str):
    return lambda host, port: list(addresses)


@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_no_address_but_a_public_one_is_spoken_to(ip: str):
    assert not is_public(ip_address(ip))
    with pytest.raises(AddressRefused):
        pin(HOOK, answering(ip))


@pytest.mark.parametrize("ip", ["8.8.8.8", "20.50.2.1", "2606:4700::1111", "2a01:111:f403::1"])
def test_public_addresses_are(ip: str):
    assert pin(HOOK, answering(ip)) == ip


def test_a_name_with_one_inner_address_among_public_ones_is_refused():
    with pytest.raises(AddressRefused):
        pin(HOOK, answering("8.8.8.8", "10.0.0.1"))


def test_a_name_is_asked_for_once_and_its_first_answer_is_what_is_connected_to():
    """A name that changes its answer after it was looked at gains nothing: nobody asks again."""
    answers = [["8.8.8.8"], ["127.0.0.1"]]
    assert pin(HOOK, lambda host, port: answers.pop(0)) == "8.8.8.8"
    assert answers == [["127.0.0.1"]]


def test_a_name_without_an_address_is_an_error_of_the_moment():
    with pytest.raises(OSError, match="no address"):
        pin(HOOK, answering())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example.com", HOOK),
        ("https://HOOKS.example.com/", HOOK),
        ("https://hooks.example.com:8443/a/b?c=d", Address("hooks.example.com", 8443, "/a/b?c=d")),
        ("https://xn--hks-sna.example/", Address("xn--hks-sna.example", 443, "/")),
    ],
)
def test_a_url_in_parts(url: str, expected: Address):
    assert parse(url, ports=PORTS) == expected


def test_development_may_allow_a_port_of_this_machine_and_it_then_leads_there_alone():
    local = parse("https://localhost:9443/in", ports=PORTS, local=["localhost:9443"])
    assert local.is_local
    assert pin(local, answering("127.0.0.1")) == "127.0.0.1"
    with pytest.raises(AddressRefused):
        pin(local, answering("10.0.0.1"))
    with pytest.raises(AddressRefused):
        parse("https://localhost:9444/in", ports=PORTS, local=["localhost:9443"])
