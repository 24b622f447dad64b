"""202: a wish is written down, and an operation works on it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.links import operation_url
from operations.models import Operation


def accepted(request: Request, operation: Operation, document: dict[str, Any], *, location: str = "") -> Response:
    """The document, with where to ask how it is going; `location` is where the result will be, else the operation's own."""
    url = operation_url(request, operation.pk)
    retry = str(settings.API_RETRY_AFTER_SECONDS)
    headers = {"Operation-Location": url, "Location": location or url, "Retry-After": retry}
    return Response(document, status=202, headers=headers)
