"""The simulated Azure as a measurement sees and moves it: requests counted, the clock, faults."""

from __future__ import annotations

import os
from typing import Any

import requests

SECONDS = 60


class AzureBooks:
    """The simulator's `/_sim`, found by the environment of a running stack."""

    def __init__(self) -> None:
        self._admin = os.environ["SIMULATOR_ADMIN_URL"]
        self._session = requests.Session()
        self._session.trust_env = False  # another authority of the environment's would replace ours
        self._session.verify = os.environ["AZURE_CA_FILE"]

    def arm_reads(self) -> int:
        """GETs that ARM has been asked since its start, by anybody."""
        return int(self._asked("GET", "state?parts=requests")["requests"].get("arm GET", 0))

    def databases(self, *, named: str) -> list[dict[str, Any]]:
        """Databases whose names begin so, as ARM would show them."""
        resources = self._asked("GET", "state?parts=resources")["resources"]
        return [one for one in resources if "/databases/" in one["id"] and one["name"].startswith(named)]

    def pass_time(self, *, scale: float) -> None:
        """So many simulated seconds a second, from now on."""
        self._asked("POST", "clock", {"scale": scale})

    def jump(self, seconds: float) -> None:
        """So much later at once."""
        self._asked("POST", "clock", {"advance_seconds": seconds})

    def lengthen_creations(self, seconds: float) -> None:
        """Every database asked for from now on takes so much longer."""
        path = "/servers/[^/]+/databases/[^/]+$"
        rule = {"kind": "slow_operation", "service": "arm", "method": "PUT", "path": path}
        self._asked("POST", "faults", {**rule, "seconds": seconds, "count": None})

    def clear_faults(self) -> None:
        self._session.delete(f"{self._admin}/faults", timeout=SECONDS).raise_for_status()

    def _asked(self, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._session.request(method, f"{self._admin}/{path}", json=document, timeout=SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
