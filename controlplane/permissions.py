"""The default answer to who may call a view: nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

if TYPE_CHECKING:  # rest_framework.views itself imports this module, by the name in its settings
    from rest_framework.request import Request
    from rest_framework.views import APIView


class DenyAll(BasePermission):
    """Closes a view that does not say who may call it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return False
