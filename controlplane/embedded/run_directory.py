"""The directory that holds all that an embedded stack keeps: data, secrets, ports, process ids, logs."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
from pathlib import Path
from typing import Any

from cloud.secrets import Secret

KEPT_BETWEEN_FRESH_STARTS = frozenset({"lock"})


class AlreadyRunning(Exception):
    """Another stack holds this run directory."""


class RunDirectory:
    """Paths and small files below one directory, with a lock that ends with the process."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        for name in (".", "logs", "pids", "secrets"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / "secrets").chmod(0o700)
        self._lock: int | None = None

    def take(self) -> None:
        """Hold the directory for this process alone. Raises AlreadyRunning, naming the holder."""
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode().strip()
            os.close(lock)
            raise AlreadyRunning(f"A stack already runs in {self.path} (process {holder}).") from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def release(self) -> None:
        """Let others have the directory; harmless when not held."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def holder(self) -> int | None:
        """The process id of the stack that runs here, or None."""
        try:
            self.take()
        except AlreadyRunning:
            return int((self.path / "lock").read_text())
        self.release()
        return None

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def secret(self, name: str) -> Secret:
        """The secret of that name, generated at first use and kept."""
        path = self.secret_path(name)
        if not path.exists():
            self.keep_secret(name, Secret(secrets.token_urlsafe(32)))
        return Secret(path.read_text(encoding="utf-8"))

    def secret_path(self, name: str) -> Path:
        return self.path / "secrets" / name

    def keep_secret(self, name: str, value: Secret) -> Path:
        """Write a secret that only this user may read; atomic, so that a crash leaves the old or the new one."""
        path = self.secret_path(name)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(value.reveal())
        return fresh.replace(path)

    def port(self, name: str, *, preferred: int = 0) -> int:
        """A free loopback port: the one used last time where possible, else `preferred`, else any; remembered."""
        ports = self.read_json("ports.json")
        for candidate in (*filter(None, (ports.get(name), preferred)), 0):
            port = _free_port(candidate)
            if port is not None:
                self.write_json("ports.json", ports | {name: port})
                return port
        raise OSError("No free port on 127.0.0.1.")

    def read_json(self, name: str) -> dict[str, Any]:
        """A small document, empty when missing or torn by a crash."""
        try:
            document = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return document if isinstance(document, dict) else {}

    def write_json(self, name: str, document: dict[str, Any]) -> None:
        fresh = self.path / f"{name}.new"
        fresh.write_text(json.dumps(document), encoding="utf-8")
        fresh.replace(self.path / name)

    def clear(self) -> None:
        """Forget all data and secrets. Only the holder of the lock may call it."""
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name not in KEPT_BETWEEN_FRESH_STARTS:
                entry.unlink()
        RunDirectory(self.path)


def _free_port(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
