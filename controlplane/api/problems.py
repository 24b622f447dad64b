"""What a request may be refused with: a status and a stable code, in Azure's error document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

MOST_DETAILS = 20
LONGEST_NAME = 100


class Problem(Exception):
    """A refusal with all that its answer says; `target` names the part of the request, `details` every fault found, `plan`
    what would be done, where that is why."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str = "",
        details: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        plan: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, printable(message)
        self.target, self.details, self.headers = target, list(details), dict(headers or {})
        self.plan = plan

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        if self.details:
            error["details"] = self.details
        if self.plan is not None:
            error["plan"] = self.plan
        return {"error": error}


def not_found(kind: str) -> Problem:
    """The same for what is absent and for what the caller may not know of."""
    return Problem(404, f"{kind}NotFound", f"There is no such {kind.lower()}.")


def invalid(error: ValidationError, *, code: str) -> Problem:
    """What a shape found wrong; unknown fields are named."""
    details = _flat(error.detail, "")[:MOST_DETAILS]
    first = details[0]
    if first["code"] == "UnknownField":
        code = "UnknownField"
    return Problem(400, code, first["message"], target=first["target"], details=details)


def printable(text: str) -> str:
    """The text without characters that JSON, logs or PostgreSQL cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _flat(detail: Any, path: str) -> list[dict[str, str]]:
    """One entry a fault, with the path of its field, e.g. properties.sizeGb."""
    if isinstance(detail, Mapping):
        return [entry for name, inner in detail.items() for entry in _flat(inner, _below(path, str(name)))]
    if isinstance(detail, list):
        return [entry for inner in detail for entry in _flat(inner, path)]
    fault = str(detail.code) if isinstance(detail, ErrorDetail) else "invalid"
    code = {"required": "MissingField", "UnknownField": "UnknownField"}.get(fault, "InvalidValue")
    return [{"code": code, "target": path, "message": f"{path or 'request'}: {printable(str(detail))}"}]


def _below(path: str, name: str) -> str:
    name = printable(name)[:LONGEST_NAME]
    if name == "non_field_errors":
        return path
    return f"{path}.{name}" if path else name
