"""Absolute addresses of our resources, as answers and headers give them."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request


def workspace_path(workspace: str) -> str:
    """The id of a workspace: its address without the host."""
    return reverse("workspace", args=[workspace])


def service_path(workspace: str, service: str) -> str:
    """The id of a service: its address without the host."""
    return reverse("service", args=[workspace, service])


def database_path(workspace: str, service: str) -> str:
    """The id of a service's database: its address without the host."""
    return reverse("service-database", args=[workspace, service])


def operation_url(request: Request, operation_id: UUID) -> str:
    """Where to ask how an operation is going."""
    return str(request.build_absolute_uri(reverse("operation", args=[operation_id])))
