"""Refuses addresses that hold a NUL: PostgreSQL stores none, so nothing of ours can be meant."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse


class RefuseNul:
    """Answers 400 where the path or a query parameter holds a NUL, before anything is asked of the database.

    The REST interface knows its parameters and refuses by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        words = [request.path, *(word for name, values in request.GET.lists() for word in (name, *values))]
        if any("\0" in word for word in words):
            error = {"code": "InvalidAddress", "message": "An address may not hold a NUL."}
            return JsonResponse({"error": error}, status=400, headers={"x-ms-error-code": error["code"]})
        return self.get_response(request)
