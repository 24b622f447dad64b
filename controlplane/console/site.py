"""The console's site: who may enter, the first page, and the pages that are no model's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from controlplane.console.audit import audit_view
from controlplane.console.emergencies import emergency_page
from controlplane.console.fleet_map import fleet_page
from controlplane.console.home import home
from controlplane.console.sign_in import SignIn

SEEN_ON_HOME = (
    "operations.view_operation",
    "operations.view_auditevent",
    "inventory.view_database",
    "inventory.view_elasticpool",
    "inventory.view_sqlserver",
)


class ConsoleSite(UnfoldAdminSite):
    """For staff who may see the fleet; everybody else is asked to sign in as such."""

    login_form = SignIn
    index_title = "Home"
    enable_nav_sidebar = True
    final_catch_all_view = True

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and user.has_perms(SEEN_ON_HOME))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The first page."""
        request.current_app = self.name  # read by the url tag
        context = {**self.each_context(request), "title": self.index_title, "home": home(), **(extra_context or {})}
        return TemplateResponse(request, "console/home.html", context)

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("audit/", self.admin_view(self.audit), name="audit"),
            path("fleet/", self.admin_view(self.fleet), name="fleet"),
            path("emergency/", self.admin_view(self.emergency), name="emergency"),
        ]

    def audit(self, request: HttpRequest) -> Any:
        return audit_view(request, self)

    def fleet(self, request: HttpRequest) -> Any:
        return fleet_page(request, self)

    def emergency(self, request: HttpRequest) -> Any:
        return emergency_page(request, self)


console = ConsoleSite(name="console")
