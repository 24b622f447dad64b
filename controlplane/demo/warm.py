"""A customer in a hurry: a stock is filled, its service is ready in the answer to its wish, and the stock is filled again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from controlplane.demo.check import Check
from controlplane.demo.clients import RestApi
from controlplane.demo.consumers import read, sign_in
from controlplane.demo.customers import Wanted

STOCK = "warm-stocks/centralindia-fhir"
WANTED = Wanted("fortis", "emergency-ward", "fhir", 100)
WISH = {"region": "centralindia", "kind": "fhir", "sizeGb": WANTED.size_gb, "least": 1, "most": 1}
LOOK_SECONDS = 0.5


def define(operator: RestApi) -> Any:
    """Ask for a stock of one; it fills while other things go on."""
    return operator.put(STOCK, {"properties": WISH})


def claim(operator: RestApi, show: Callable[[], None], *, patience_seconds: float) -> Iterator[Check]:
    """Wish for a service once the stock is full, sign in, and wait until it is full again."""
    before = _filled(operator, show, patience_seconds)
    began = time.monotonic()
    answer = operator.put_service(WANTED)
    shown = answer.json().get("properties", {})
    at_once = shown.get("provisioningState") == "Succeeded"
    if at_once:
        sign_in(read(shown["credentials"]["secretName"]))
    seconds = time.monotonic() - began
    faults = [] if at_once else [f"{answer.status_code} {answer.text[:200]}"]
    yield Check("A service from the stock signs in right after its wish.", faults, f"{seconds:.2f} s")
    after = _filled(operator, show, patience_seconds)
    gained = after.get("active", 0) - before.get("active", 0)
    faults = [] if (after.get("idle"), gained) == (1, 1) else [f"idle {after.get('idle')}, given away {gained}"]
    yield Check(
        "The stock is full again.", faults, f"{after.get('wished')} wished, {after.get('served')} from the stock"
    )


def _filled(operator: RestApi, show: Callable[[], None], patience_seconds: float) -> dict[str, Any]:
    until = time.monotonic() + patience_seconds
    while True:
        now: dict[str, Any] = operator.get(STOCK)["properties"]
        if now["idle"] >= 1 or time.monotonic() > until:
            return now
        show()
        time.sleep(LOOK_SECONDS)
