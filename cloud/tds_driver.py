"""Sign-ins over python-tds, for machines without mssql-python's native libraries.

Two functions of python-tds 1.17.1 are replaced: its host check, which crashes with pyOpenSSL 26 (and would take a bare
common name), and its connect loop, which repeats refused logins until a time-out hides the cause.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import certifi
import OpenSSL.SSL
import pytds
import pytds.tls
import pytds.utils
from cryptography import x509

from cloud.settings import CloudSettings
from cloud.sql_drivers import SqlTarget
from cloud.sql_failures import SqlFailure


class PythonTds:
    """Opens encrypted connections, one a call; the peer must show a trusted certificate with the host's name."""

    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings

    def connect(self, target: SqlTarget) -> _TdsSession:
        with _failures():
            connection = pytds.connect(
                dsn=target.host,
                port=target.port,
                database=target.database,
                **_proof(target),
                cafile=self._settings.ca_file or certifi.where(),
                validate_host=True,
                autocommit=True,
                login_timeout=self._settings.connect_seconds,
                timeout=self._settings.read_seconds,
                appname="sql-persistence-provider",
            )
        return _TdsSession(connection)


def _proof(target: SqlTarget) -> dict[str, Any]:
    """Who comes, in python-tds's words; it takes a token or a password, never both."""
    if target.token is not None:
        return {"access_token_callable": target.token.reveal}
    return {"user": target.login_name, "password": target.password.reveal()}


class _TdsSession:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with _failures(), contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def close(self) -> None:
        with contextlib.suppress(SqlFailure), _failures():
            self._connection.close()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """python-tds's errors as ours. What is no answer of the server counts as "not reached"."""
    try:
        yield
    except pytds.DatabaseError as error:
        failure = SqlFailure(error.text, number=error.msg_no or None, severity=error.severity or None)
    except (pytds.Error, OpenSSL.SSL.Error, OSError) as error:
        failure = SqlFailure(f"{type(error).__name__}: {error}", unreachable=True)
    else:
        return
    raise failure


def host_matches(cert: Any, name: bytes) -> bool:
    """Whether the certificate's subjectAltName has this DNS name; a `*` stands for one whole first label."""
    try:
        names = cert.to_cryptography().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    host = name.decode("ascii").lower().rstrip(".")
    wildcard = "*." + host.partition(".")[2]
    return any(shown.lower() in (host, wildcard) for shown in names.get_values_for_type(x509.DNSName))


def one_attempt(
    work: Callable[[float], Any],
    ex_handler: Callable[[Exception], None],
    max_time_sec: float,
    first_attempt_time_sec: float,
    **_: object,
) -> Any:
    """Connect once; whether to come again is for the caller to say."""
    return work(max_time_sec)


def validates_tls() -> bool:
    """True while python-tds asks our check of the host name; certificates it always has checked."""
    return pytds.tls.validate_host is host_matches


pytds.tls.validate_host = host_matches
pytds.utils.exponential_backoff = one_attempt
