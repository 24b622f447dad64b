"""What all our views share: sign-in, limits and access before anything else, and only what was asked for is read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.api import conditions, idempotency
from controlplane.api.access import ByTheTable, knows, principal_of, viewer_of
from controlplane.api.auth import EntraTokens
from controlplane.api.problems import Problem, invalid, not_found
from controlplane.api.shapes import BoundedJson, Shape, too_large
from controlplane.api.throttles import CallerRate, RefusedSignIns
from inventory.models import Workspace
from inventory.models.workspace import NAME_PATTERN
from inventory.selectors import Viewer, workspaces_for
from provisioning.workspaces import hold_name

WRITES = ("put", "post", "delete")


class ApiView(APIView):
    """A view whose address stands in access.RULES. `bodies` and `queries` give the shapes by method; without one, a body or
    query parameter is refused."""

    authentication_classes = (EntraTokens,)
    permission_classes = (ByTheTable,)
    throttle_classes = (CallerRate,)
    parser_classes: tuple[type[BoundedJson], ...] = (BoundedJson,)
    content_negotiation_class = DefaultContentNegotiation
    http_method_names = ["get", "head", "put", "post", "delete"]
    bodies: ClassVar[Mapping[str, type[Shape]]] = {}
    queries: ClassVar[Mapping[str, type[Shape]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who is it, not too often, may they, and is nothing there that we would overlook?"""
        self.format_kwarg = None
        request.version, request.versioning_scheme = None, None
        negotiated = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = negotiated
        self._sign_in(request)
        self.check_throttles(request)
        self.check_permissions(request)
        if knows(self, request):
            self._refuse_unexpected(request)
            self._guard(request)

    def check_still_known(self) -> None:
        """Raises Problem 404 where the caller may not know of the workspace any more."""
        if "workspace" in self.kwargs and not self.viewer().sees_everything:
            self.workspace(self.kwargs["workspace"])

    def actor(self) -> str:
        """The caller's name in operations and in the audit log."""
        return principal_of(self.request).actor

    def viewer(self) -> Viewer:
        return viewer_of(self.request)

    def body(self) -> dict[str, Any]:
        """The request's document in the shape of this method. Raises Problem 400, 413, 415."""
        return self._checked(self.bodies, self.request.data, code="InvalidRequestBody")

    def query(self) -> dict[str, Any]:
        """The query's parameters in the shape of this method. Raises Problem 400."""
        return self._checked(self.queries, self._parameters(), code="InvalidQueryParameter")

    def _parameters(self) -> dict[str, str]:
        """Query parameters, each of which may stand once. Raises Problem 400."""
        twice = [name for name, values in self.request.query_params.lists() if len(values) > 1]
        if twice:
            raise Problem(400, "InvalidQueryParameter", f"{twice[0]} stands more than once.", target=twice[0])
        return self.request.query_params.dict()

    def workspace(self, name: str) -> Workspace:
        """The workspace, where the caller may know of it. Raises Problem 404 else, 400 for what cannot be a name."""
        found = workspaces_for(self.viewer()).select_related("region").filter(name=named(name, "workspace")).first()
        if found is None:
            raise not_found("Workspace")
        return found

    def _guard(self, request: Request) -> None:
        """Put idempotency, then the view's own conditions, around the method that answers a write."""
        method = str(request.method).lower()
        if method in WRITES:
            setattr(self, method, partial(self._write, getattr(self, method)))

    def _write(self, answer: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        key = None if request.query_params.get("dryRun") == "true" else idempotency.key_of(request, self.kwargs)
        handler = partial(self.answer_write, answer, request, *args, **kwargs)
        return idempotency.once(self, key, handler) if key else handler()

    def answer_write(self, answer: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        """A write, once signed in, allowed and not a repetition; a view that knows conditions holds them here."""
        return answer(request, *args, **kwargs)

    def _sign_in(self, request: Request) -> None:
        """Raises Throttled instead of a further AuthenticationFailed to who fails too often."""
        try:
            self.perform_authentication(request)
        except APIException:
            throttle = RefusedSignIns()
            if not throttle.allow_request(request, self):
                self.throttled(request, throttle.wait() or 60.0)
            raise

    def _refuse_unexpected(self, request: Request) -> None:
        method = "GET" if request.method == "HEAD" else str(request.method)
        length = _length(request)
        if length > settings.API_BODY_BYTES:
            raise too_large()
        if length and method not in self.bodies:
            raise Problem(400, "BodyNotExpected", "This request takes no body.")
        shapes: Mapping[str, type[Shape]] = self.queries if method in self.queries else {method: Shape}
        self._checked(shapes, self._parameters(), code="InvalidQueryParameter")

    def _checked(self, shapes: Mapping[str, type[Shape]], data: Any, *, code: str) -> dict[str, Any]:
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        shape = shapes[method](data=data)
        try:
            shape.is_valid(raise_exception=True)
        except ValidationError as error:
            raise invalid(error, code=code) from error
        return dict(shape.validated_data)


class TaggedView(ApiView):
    """What it shows has an ETag."""

    def lasting(self, document: Any) -> Any:
        """What of a document its tag is about: all, but for figures that change by themselves."""
        return document

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if request.method != "DELETE" and isinstance(answer, Response):
            return conditions.tagged(request, answer, self.lasting)
        return answer


class ConditionalView(TaggedView, ABC):
    """And its writes may ask that it still be as the caller has seen it: what is written is held meanwhile."""

    @abstractmethod
    def present(self) -> Any | None:
        """What a GET would show the caller now; None: nothing is there."""

    def hold(self) -> None:
        """Keep it as it is until the transaction ends: the workspace that the address names."""
        hold_name(named(self.kwargs["workspace"], "workspace"))

    def answer_write(self, answer: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        if not conditions.is_conditional(request):
            return answer(request, *args, **kwargs)
        with transaction.atomic():
            self.hold()
            present = self.present()
            conditions.check(request, None if present is None else self.lasting(present))
            return answer(request, *args, **kwargs)


def named(text: str, target: str) -> str:
    """A name from the address. Raises Problem 400 for what cannot be one."""
    if not re.fullmatch(NAME_PATTERN, text):
        raise Problem(400, "InvalidName", f"A name must match {NAME_PATTERN}", target=target)
    return text


def _length(request: Request) -> int:
    """Bytes of the body, as its header says; what exceeds the header is never read."""
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isdigit() and len(text) < 20 else 0
