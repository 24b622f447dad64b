"""SQL Server's refusals by number. Texts and classes are Azure's own as far as they are documented."""

from __future__ import annotations


class SqlError(Exception):
    """One ERROR token. `severity` is the token's class: 20 and above ends the session.

    `followed_by` are errors of the same answer that come after this one (4060 is followed by 18456).
    """

    def __init__(
        self, number: int, severity: int, state: int, message: str, *, followed_by: tuple[SqlError, ...] = ()
    ) -> None:
        super().__init__(message)
        self.number = number
        self.severity = severity
        self.state = state
        self.message = message
        self.followed_by = followed_by

    @property
    def fatal(self) -> bool:
        return self.severity >= 20


def login_failed(user: str) -> SqlError:
    """One answer for a wrong user, password or token: who asks learns nothing."""
    return SqlError(18456, 14, 1, f"Login failed for user '{user}'.")


TOKEN_PRINCIPAL = "<token-identified principal>"  # noqa: S105 - what Azure calls one who failed


def cannot_open_database(database: str, *, user: str) -> SqlError:
    text = f'Cannot open database "{database}" requested by the login. The login failed.'
    return SqlError(4060, 11, 1, text, followed_by=(login_failed(user),))


def cannot_open_server(server: str) -> SqlError:
    return SqlError(40532, 20, 1, f'Cannot open server "{server}" requested by the login. The login failed.')


def database_unavailable(database: str, *, server: str) -> SqlError:
    text = (
        f"Database '{database}' on server '{server}' is not currently available. Please retry the connection later. "
        "If the problem persists, contact customer support, and provide them the session tracing ID of ''."
    )
    return SqlError(40613, 17, 1, text)


def firewall_refuses(server: str, *, client_address: str) -> SqlError:
    text = (
        f"Cannot open server '{server}' requested by the login. Client with IP address '{client_address}' is not "
        "allowed to access the server. To enable access, use the Azure Management Portal or run sp_set_firewall_rule "
        "on the master database to create a firewall rule for this IP address or address range. It may take up to "
        "five minutes for this change to take effect."
    )
    return SqlError(40615, 14, 1, text)


def public_access_off() -> SqlError:
    text = (
        "The public network interface on this server is not accessible. To connect to this server, use the Private "
        "Endpoint from inside your virtual network."
    )
    return SqlError(47073, 14, 172, text)


def session_killed() -> SqlError:
    """Also what an open session hears when its database is gone."""
    return SqlError(596, 21, 1, "Cannot continue the execution because the session is in the kill state.")


def no_such(action: str, kind: str, name: str) -> SqlError:
    """15151: missing and forbidden sound alike."""
    text = f"Cannot {action} the {kind} '{name}', because it does not exist or you do not have permission."
    return SqlError(15151, 16, 1, text)


def invalid_object(name: str) -> SqlError:
    return SqlError(208, 16, 1, f"Invalid object name '{name}'.")


def permission_refused() -> SqlError:
    return SqlError(15247, 16, 1, "User does not have permission to perform this action.")
