"""Sign-ins over mssql-python, Microsoft's own driver.

Its pool would hand out old sessions after a password change and share sockets with forked children, so it is off.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from cloud.settings import CloudSettings
from cloud.sql_drivers import SqlTarget
from cloud.sql_failures import SqlFailure

_UNREACHABLE = ("Client unable to establish connection", "Communication link failure", "Timeout expired")
ACCESS_TOKEN = 1256  # SQL_COPT_SS_ACCESS_TOKEN: length and UTF-16 text (msodbcsql.h)
_TRUST = threading.Lock()
_TLS = {"encrypt": "yes", "trust_server_certificate": "no"}  # the driver then checks certificate and host name


def validates_tls() -> bool:
    return _TLS["encrypt"] in ("yes", "strict") and _TLS["trust_server_certificate"] == "no"


def loads_here() -> bool:
    """Whether the libraries that its wheel does not bring (unixODBC's loader, Kerberos) are on this machine."""
    try:
        for library in ("libltdl.so.7", "libgssapi_krb5.so.2"):
            ctypes.CDLL(library)
        import mssql_python  # noqa: F401 - a machine without the bindings takes the other driver
    except (OSError, ImportError):
        return False
    return True


class MssqlPython:
    """Opens encrypted connections, one a call, without pool and without the driver's own retries."""

    def __init__(self, settings: CloudSettings) -> None:
        import mssql_python  # here, so that a machine without its libraries can take the other driver

        mssql_python.pooling(enabled=False)
        self._module = mssql_python
        self._settings = settings

    def connect(self, target: SqlTarget) -> _MssqlSession:
        words: dict[str, Any] = {
            "server": f"tcp:{target.host},{target.port}",
            "database": target.database,
            **_proof(target),
            **_TLS,
            "connect_retry_count": "0",
        }
        seconds = math.ceil(self._settings.connect_seconds)
        with _trusting(self._settings.ca_file), self._failures():
            connection = self._module.connect(autocommit=True, timeout=seconds, **words)
        connection.timeout = math.ceil(self._settings.read_seconds)
        return _MssqlSession(connection, self)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """The driver's errors as ours; it tells no number, and its messages may hold the connection string: dropped."""
        try:
            yield
        except self._module.Error as error:
            text = f"{error.driver_error}: {error.ddbc_error}"
            lost = any(words in error.driver_error for words in _UNREACHABLE)
        except self._module.exceptions.Exception as error:
            text, lost = str(error.driver_error), False
        else:
            return
        raise SqlFailure(text, unreachable=lost)


def _proof(target: SqlTarget) -> dict[str, Any]:
    """Who comes, in the driver's words; a token goes beside the connection string, so that none is kept in it."""
    if target.token is not None:
        token = target.token.reveal().encode("utf-16-le")
        return {"attrs_before": {ACCESS_TOKEN: struct.pack("<I", len(token)) + token}}
    return {"uid": target.login_name, "pwd": target.password.reveal()}


class _MssqlSession:
    def __init__(self, connection: Any, driver: MssqlPython) -> None:
        self._connection = connection
        self._driver = driver

    def execute(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with self._driver._failures(), contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def close(self) -> None:
        with contextlib.suppress(SqlFailure), self._driver._failures():
            self._connection.close()


@contextlib.contextmanager
def _trusting(ca_file: str | None) -> Iterator[None]:
    """Let OpenSSL trust this file for one connect: the driver has no word for it but SSL_CERT_FILE."""
    if ca_file is None:
        yield
        return
    with _TRUST:
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = ca_file
        try:
            yield
        finally:
            os.environ.pop("SSL_CERT_FILE")
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before
