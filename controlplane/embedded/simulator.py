"""The simulator's process, and its answer put into the words of our settings."""

from __future__ import annotations

import json
import sys
from typing import Any

from cloud.secrets import Secret
from controlplane.embedded.processes import Child, Program
from controlplane.embedded.run_directory import RunDirectory
from controlplane.env import is_set


class EmbeddedSimulator:
    """A local Azure in `run`, with so many subscriptions. `time_scale` 60 lets a simulated minute pass in a second."""

    def __init__(self, run: RunDirectory, *, time_scale: float = 60.0, subscriptions: int = 1, seed: int = 1) -> None:
        self._run = run
        self._time_scale = time_scale
        self._state = run.path / "simulator"
        self._state.mkdir(mode=0o700, exist_ok=True)
        self._line = self._state / "contract.json"
        port = str(run.port("simulator"))
        place = ("--host", "127.0.0.1", "--port", port, "--state", str(self._state))
        size = ("--subscriptions", str(subscriptions), "--time-scale", str(time_scale), "--seed", str(seed))
        command = [sys.executable, "-m", "simulator", *place, *size]
        self.child = Child(Program("simulator", command, output=self._line), run)

    def start(self) -> None:
        self.child.start()

    def wait_until_ready(self) -> None:
        self.child.wait_until(self._has_answered)

    def stop(self) -> None:
        self.child.stop()

    def contract(self) -> dict[str, Any]:
        """The line that it printed once it took connections."""
        document: dict[str, Any] = json.loads(self._line.read_text(encoding="utf-8").splitlines()[0])
        return document

    def environment(self) -> dict[str, str]:
        """The variables that point our code, and any other client of Azure, at it."""
        contract = self.contract()
        secret = self._run.keep_secret("azure_client_secret", Secret(contract["client_secret"]))
        return {
            "AZURE_AUTHORITY_HOST": contract["authority"],
            "AZURE_ARM_URL": contract["arm"],
            "AZURE_METRICS_URL": contract["metrics"],
            "AZURE_TENANT_ID": contract["tenant"],
            "AZURE_CLIENT_ID": contract["client_id"],
            "AZURE_CLIENT_SECRET_FILE": str(secret),
            "AZURE_SUBSCRIPTION_IDS": ",".join(contract["subscriptions"]),
            "AZURE_LOCATIONS": ",".join(contract["locations"]),
            "AZURE_VAULT_URL": contract["vault"].replace("{vault}", contract["vault_name"]),
            "KEY_VAULT_HOSTS": "localhost",  # a customer's vault is one of its ports, too
            "AZURE_SQL_HOST": "localhost",
            "AZURE_SQL_PORT": str(contract["sql_port"]),
            "AZURE_CA_FILE": contract["ca"],
            "AZURE_VERIFY_CHALLENGE_RESOURCE": "false",  # its vaults are ports of localhost
            "SQL_ENTRA_ADMIN_LOGIN": "sql-administrators",
            "SQL_ENTRA_ADMIN_OBJECT_ID": contract["sql_administrators"],
            "AZURE_RATE_SCALE": str(max(self._time_scale, 1.0)),  # its buckets fill in its own, faster time
            "SIMULATOR_ADMIN_URL": contract["admin"],
            **self._paces(),
        }

    def _paces(self) -> dict[str, str]:
        """How often to look, for an Azure whose hours are shorter: real Azure's paces, scaled, within reason."""
        real = {"OBSERVE_WAITING_SECONDS": 1.0, "SHORT_WAIT_SECONDS": 5.0, "LOOK_AGAIN_SECONDS": 60.0}
        paces = {name: max(seconds / self._time_scale, 0.5) for name, seconds in real.items()}
        paces["COPY_BASE_SECONDS"] = 600.0 / self._time_scale
        paces["COPY_SECONDS_PER_GB"] = 60.0 / self._time_scale
        paces["EXAMINE_AFTER_SECONDS"] = max(900.0 / self._time_scale, 10.0)
        paces |= {"DRIFT_SECONDS": max(900.0 / self._time_scale, 5.0)}
        paces |= {name: max(60.0 / self._time_scale, 2.0) for name in ("DRIFT_CONFIRM_SECONDS", "DRIFT_SETTLE_SECONDS")}
        paces["AZURE_RATE_SCALE"] = self._time_scale  # its call rates count in its own time
        return {name: str(seconds) for name, seconds in paces.items() if not is_set(name)}

    def _has_answered(self) -> bool:
        return self._line.exists() and self._line.read_bytes().endswith(b"\n")
