"""The OpenAPI document, its page, and the answers that no view of ours gives."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.api.auth import EntraTokens
from controlplane.api.principals import Principal
from controlplane.api.problems import Problem
from controlplane.api.throttles import AnonymousRate, CallerRate

READING = ["get", "head"]


class DocumentView(SpectacularJSONAPIView):
    """The document of this API. It tells nothing of any workspace, so it asks for no token."""

    permission_classes = (AllowAny,)
    throttle_classes = (AnonymousRate,)
    http_method_names = READING


class PageView(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files; its script comes from us too, as the content policy demands."""

    permission_classes = (AllowAny,)
    throttle_classes = (AnonymousRate,)
    http_method_names = READING
    url_name = "openapi"


class IfSignedIn(BaseAuthentication):
    """Says who asks, where a proved token tells; whoever asks for nothing that is there need not be anybody."""

    def authenticate(self, request: Request) -> tuple[Principal, dict[str, Any]] | None:
        try:
            return EntraTokens().authenticate(request)
        except (AuthenticationFailed, Problem):
            return None


class NoSuchRouteView(APIView):
    """404 to every method at every other address below /api/.

    In the audit log only for whom a token names, who is bound by the caller's rate: nobody else can fill the log with it.
    """

    authentication_classes = (IfSignedIn,)
    permission_classes = (AllowAny,)
    throttle_classes = (AnonymousRate, CallerRate)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Never reached: `initial` has answered."""
        raise Http404


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for what Django itself refuses, e.g. a host that is not ours."""
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    return _json(Problem(400, "BadRequest", "The request cannot be understood."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500 without a word about the cause; the log has it under the request id."""
    if not _is_api(request):
        return defaults.server_error(request)
    return _json(Problem(500, "InternalError", "Something went wrong on our side; it is in our log."))


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _json(problem: Problem) -> JsonResponse:
    return JsonResponse(problem.document(), status=problem.status, headers={"x-ms-error-code": problem.code})
