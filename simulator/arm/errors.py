"""Refusals of ARM and of the SQL resource provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.http import Response, answer


class ArmError(Exception):
    """A refusal: HTTP status, Azure's stable code and a sentence. `gateway` marks answers of ARM itself.

    `more` joins the error's body: target, details, additionalInfo.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        gateway: bool = False,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.gateway = status, code, message, gateway
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> Response:
        error: dict[str, Any] = {"code": self.code, "message": self.message, **self.more}
        headers = {**self.headers, "x-ms-failure-cause": "gateway"} if self.gateway else self.headers
        return answer(self.status, {"error": error}, headers)


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", gateway=True)


def parent_not_found(path: str, group: str) -> ArmError:
    """The gateway's answer when a resource (or a request's parent) does not exist, e.g. Microsoft.Sql/servers/a."""
    hint = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    message = f"The Resource '{path}' under resource group '{group}' was not found. {hint}"
    return ArmError(404, "ResourceNotFound", message, gateway=True)


def not_found(type_: str, name: str) -> ArmError:
    """The SQL resource provider's own answer for an absent resource."""
    message = f"The requested resource of type '{type_}' with name '{name}' was not found."
    return ArmError(404, "ResourceNotFound", message)


def invalid(code: str, message: str) -> ArmError:
    return ArmError(400, code, message)


def conflict(code: str, message: str) -> ArmError:
    return ArmError(409, code, message)
