"""SQL errors → the classes that callers act upon: one table, by number where the driver tells it, else by text.

A new database may be refused (4060, 40613) for a moment, so that is no final answer. Only throttling says how long to wait.

mssql-python hides the number, so each row also knows how the server's own English text begins (documented texts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloud.errors import AlreadyThere, CloudError, LoginRefused, Missing, PasswordRejected, Rejected, RetryLater


class SqlFailure(Exception):
    """What a driver told: the server's text, its number and severity where known, and whether the connection failed."""

    def __init__(
        self, text: str, *, number: int | None = None, severity: int | None = None, unreachable: bool = False
    ) -> None:
        super().__init__(f"SQL error {number}" if number else "SQL error")
        self.text, self.number, self.severity, self.unreachable = text, number, severity, unreachable


@dataclass(frozen=True, slots=True)
class Row:
    """One error of Azure SQL Database. `code` is ours: stable, and shown in place of the text."""

    number: int
    code: str
    text: str
    kind: type[CloudError]
    retry_after: float | None = None


TABLE = (
    Row(4060, "SqlDatabaseRefused", r'Cannot open database "', RetryLater),
    Row(18456, "SqlLoginFailed", r"Login failed for user '", LoginRefused),
    Row(40532, "SqlServerRefused", r'Cannot open server ".*" requested by the login', RetryLater),
    Row(40613, "SqlDatabaseUnavailable", r"Database '.*' on server '.*' is not currently available", RetryLater),
    Row(40615, "SqlFirewall", r"Cannot open server '.*' requested by the login\. Client with IP", RetryLater),
    Row(40914, "SqlNetworkRule", r"Cannot open server '.*' requested by the login\. Client is not allowed", Rejected),
    Row(47073, "SqlPublicAccessOff", r"The public network interface on this server is not accessible", Rejected),
    Row(40197, "SqlReconfiguration", r"The service has encountered an error processing your request", RetryLater),
    Row(40501, "SqlBusy", r"The service is currently busy", RetryLater, 10),
    Row(49918, "SqlNoResources", r"Cannot process request\. Not enough resources", RetryLater, 10),
    Row(49919, "SqlTooManyCreates", r"Cannot process create or update request", RetryLater, 10),
    Row(49920, "SqlTooManyOperations", r"Cannot process request\. Too many operations", RetryLater, 10),
    Row(10928, "SqlResourceLimit", r"Resource ID : .* limit for the database is", RetryLater, 10),
    Row(10936, "SqlPoolResourceLimit", r"Resource ID : .* limit for the elastic pool is", RetryLater, 10),
    Row(10929, "SqlResourceGuarantee", r"Resource ID : .* minimum guarantee is", RetryLater, 10),
    Row(926, "SqlDatabaseSuspect", r"Database '.*' cannot be opened\. It has been marked SUSPECT", RetryLater),
    Row(4221, "SqlReadSecondaryWait", r"Login to read-secondary failed", RetryLater),
    Row(615, "SqlDatabaseMoved", r"Could not find database ID", RetryLater),
    Row(15023, "SqlPrincipalExists", r"User, group, or role '.*' already exists", AlreadyThere),
    Row(15151, "SqlPrincipalMissing", r"Cannot (?:alter|drop|add|find) the ", Missing),
    Row(15247, "SqlNotPermitted", r"User does not have permission to perform this action", Rejected),
    Row(15138, "SqlOwnsSchema", r"The database principal owns a ", Rejected),
    Row(40632, "SqlPasswordPolicy", r"Password validation failed", PasswordRejected),
    Row(15156, "SqlPasswordTooLong", r"The password that you specified is too long", PasswordRejected),
    Row(40508, "SqlUseRefused", r"USE statement is not supported", Rejected),
    Row(33159, "SqlEntraOnly", r"Principal '.*' could not be created\. Only connections established with", Rejected),
    Row(33134, "SqlPrincipalUnknown", r"Principal '.*' could not be found or this principal type", Rejected),
    Row(15063, "SqlPrincipalHasUser", r"The login already has an account under a different user name", AlreadyThere),
    Row(33131, "SqlNameNotUnique", r"Principal '.*' has a duplicate display name", Rejected),
    Row(6106, "SqlNoSession", r"Process ID .* is not an active process ID", Missing),
    Row(102, "SqlSyntax", r"Incorrect syntax near ", Rejected),
    Row(208, "SqlObjectMissing", r"Invalid object name ", Rejected),
    Row(2812, "SqlProcedureMissing", r"Could not find stored procedure ", Rejected),
)
_BY_NUMBER = {row.number: row for row in TABLE}
_BY_TEXT = tuple((re.compile(row.text, re.DOTALL), row) for row in TABLE)
FATAL_SEVERITY = 17  # from here on it is the server's trouble, not the statement's


def classify_sql(failure: SqlFailure) -> CloudError:
    """Our class for a failure; the server's text is not passed on, since it may quote the statement."""
    row = _BY_NUMBER.get(failure.number or 0) or _of_text(failure.text)
    if row is not None:
        return row.kind(row.code, retry_after=row.retry_after)
    if failure.unreachable:
        return RetryLater("SqlUnreachable")
    code = f"Sql{failure.number}" if failure.number else "SqlUnknown"
    return RetryLater(code) if (failure.severity or 0) >= FATAL_SEVERITY else Rejected(code)


def _of_text(text: str) -> Row | None:
    return next((row for pattern, row in _BY_TEXT if pattern.search(text)), None)
