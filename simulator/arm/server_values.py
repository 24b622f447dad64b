"""What a server may be asked to be: region, administrator, password, network settings."""

from __future__ import annotations

import re
from typing import Any

from simulator.arm.errors import ArmError, invalid
from simulator.arm.resources import Body
from simulator.regions import REGIONS, normalised

TYPE = "Microsoft.Sql/servers"
_RESERVED_LOGINS = frozenset(
    {"sa", "admin", "administrator", "root", "guest", "public", "dbo", "dbmanager", "loginmanager"}
)
_TLS_VERSIONS = ("None", "1.0", "1.1", "1.2", "1.3")


def location_of(body: Body) -> str:
    location = normalised(str(body.get("location") or ""))
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.", gateway=True)
    if location not in REGIONS:
        message = (
            f"The provided location '{body['location']}' is not available for resource type '{TYPE}'. "
            f"List of available regions for the resource type is '{','.join(REGIONS)}'."
        )
        raise ArmError(400, "LocationNotAvailableForResourceType", message, gateway=True)
    return location


def check_values(properties: Body) -> None:
    tls = properties.get("minimalTlsVersion")
    if tls is not None and tls not in _TLS_VERSIONS:
        raise invalid("InvalidMinimalTlsVersion", f"Invalid minimal TLS version '{tls}'.")
    access = properties.get("publicNetworkAccess")
    if access is not None and access not in ("Enabled", "Disabled", "SecuredByPerimeter"):
        raise invalid(
            "InvalidParameterValue",
            "Invalid value given for parameter publicNetworkAccess. Specify a valid parameter value.",
        )
    password = properties.get("administratorLoginPassword")
    if password is not None:
        _check_password(str(password), str(properties.get("administratorLogin") or ""))


def _check_password(password: str, login: str) -> None:
    if len(password) < 8:
        raise invalid("PasswordTooShort", "The provided password is too short.")
    if len(password) > 128:
        raise invalid("PasswordTooLong", "The provided password is too long.")
    classes = [r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]"]
    if sum(bool(re.search(one, password)) for one in classes) < 3 or (login and login.lower() in password.lower()):
        raise invalid(
            "PasswordNotComplex",
            "Password validation failed. The password does not meet policy requirements: it is not complex enough.",
        )


def check_login(login: Any, password: Any) -> None:
    if (
        not isinstance(login, str)
        or not re.fullmatch(r"[^\W\d][\w@$#.-]{0,127}", login)
        or login.lower() in _RESERVED_LOGINS
    ):
        raise invalid("InvalidLoginName", f"The provided login name '{login or ''}' is invalid.")
    if not password:
        raise invalid("PasswordTooShort", "The provided password is too short.")


def administrators_of(given: Body) -> Body | None:
    if not given:
        return None
    return {
        "administratorType": "ActiveDirectory",
        "principalType": given.get("principalType", "Group"),
        "login": given.get("login"),
        "sid": given.get("sid"),
        "tenantId": given.get("tenantId"),
        "azureADOnlyAuthentication": bool(given.get("azureADOnlyAuthentication")),
    }
