from __future__ import annotations

import pytest

from cloud.errors import AlreadyThere, CloudError, LoginRefused, Missing, PasswordRejected, Rejected, RetryLater
from cloud.sql_failures import TABLE, SqlFailure, classify_sql

TEXTS = [
    (4060, RetryLater, 'Cannot open database "d-1" requested by the login. The login failed.'),
    (18456, LoginRefused, "Login failed for user 'svc_a'."),
    (40532, RetryLater, 'Cannot open server "spp-1" requested by the login. The login failed.'),
    (40613, RetryLater, "Database 'd-1' on server 'spp-1' is not currently available."),
    (40615, RetryLater, "Cannot open server 'spp-1' requested by the login. Client with IP address"),
    (40914, Rejected, "Cannot open server 'spp-1' requested by the login. Client is not allowed to access the server."),
    (47073, Rejected, "Reason: The public network interface on this server is not accessible."),
    (40197, RetryLater, "The service has encountered an error processing your request. Please try again."),
    (40501, RetryLater, "The service is currently busy. Retry the request after 10 seconds."),
    (49918, RetryLater, "Cannot process request. Not enough resources to process request."),
    (49919, RetryLater, "Cannot process create or update request. Too many create or update operations in progress"),
    (49920, RetryLater, "Cannot process request. Too many operations in progress for subscription"),
    (10928, RetryLater, "Resource ID : 1. The request limit for the database is 90 and has been reached."),
    (10936, RetryLater, "Resource ID : 1. The request limit for the elastic pool is 210 and has been reached."),
    (10929, RetryLater, "Resource ID: 1. ", ),
    (926, RetryLater, "Database 'd-1' cannot be opened. It has been marked SUSPECT by recovery."),
    (4221, RetryLater, "Login to read-secondary failed due to long wait on 'HADR_DATABASE_WAIT'."),
    (615, RetryLater, "Could not find database ID 7, name 'd-1'."),
    (15023, AlreadyThere, "User, group, or role 'svc_a' already exists in the current database."),
    (15151, Missing, "Cannot alter the user 'svc_a', because it does not exist or you do not have permission."),
    (15151, Missing, "Cannot drop the user 'svc_a', because it does not exist or you do not have permission."),
    (15247, Rejected, "User does not have permission to perform this action."),
    (15138, Rejected, "The database principal owns a schema in the database, and cannot be dropped."),
    (40632, PasswordRejected, "Password validation failed. The password does not meet policy requirements"),
    (15156, PasswordRejected, "The password that you specified is too long. The maximum length is 128."),
    (40508, Rejected, "USE statement is not supported to switch between databases."),
    (33159, Rejected, "Principal 'x' could not be created. Only connections established with Entra"),
    (33134, Rejected, "Principal 'x' could not be found or this principal type is not supported."),
    (15063, AlreadyThere, "The login already has an account under a different user name."),
    (33131, Rejected, "Principal 'x' has a duplicate display name. Make the display name unique"),
    (6106, Missing, "Process ID 77 is not an active process ID."),
    (102, Rejected, "Incorrect syntax near '@P1'."),
    (208, Rejected, "Invalid object name 'dbo.t'."),
    (2812, Rejected, "Could not find stored procedure 'sp_x'."),
]  # fmt: skip


@pytest.mark.parametrize(("number", "kind", "text"), TEXTS)
def test_a_number_has_its_class(number: int, kind: type[CloudError], text: str):
    assert type(classify_sql(SqlFailure("texts may be translated", number=number))) is kind


@pytest.mark.parametrize(("number", "kind", "text"), [row for row in TEXTS if row[0] != 10929])
def test_a_text_without_a_number_has_the_same_class(number: int, kind: type[CloudError], text: str):
    by_text = classify_sql(SqlFailure(f"[Microsoft][SQL Server]{text}"))
    by_number = classify_sql(SqlFailure("", number=number))
    assert (type(by_text), by_text.code) == (kind, by_number.code)


def test_every_row_of_the_table_is_tried_here():
    assert {row.number for row in TABLE} == {number for number, _, _ in TEXTS}


def test_an_unreachable_server_may_be_tried_again():
    assert type(classify_sql(SqlFailure("Client unable to establish connection", unreachable=True))) is RetryLater


@pytest.mark.parametrize(("severity", "kind"), [(16, Rejected), (17, RetryLater), (20, RetryLater), (None, Rejected)])
def test_an_unknown_error_is_classed_by_its_severity(severity: int | None, kind: type[CloudError]):
    assert type(classify_sql(SqlFailure("?", number=99999, severity=severity))) is kind


def test_the_servers_text_is_not_passed_on():
    error = classify_sql(SqlFailure("Incorrect syntax near 'Pass-1234'.", number=102))
    assert "Pass-1234" not in str(error)
