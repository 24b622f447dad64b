"""Pages that show rows and never let anybody edit them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.admin import ModelAdmin

from controlplane.console.buttons import Button, press
from controlplane.console.charts import Chart
from controlplane.console.display import row_address
from controlplane.console.planned import Planned, plan_page
from controlplane.console.tables import Facts, Notice, Table


class ReadOnlyPage(ModelAdmin):
    """A list, and for each row a page of facts, neighbours and buttons. Nobody adds, changes or deletes here."""

    actions = None
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    view_on_site = False
    change_list_template = "console/list.html"
    buttons: ClassVar[tuple[Button, ...]] = ()
    planned: ClassVar[tuple[Planned, ...]] = ()
    empty_means = "There is nothing here yet."
    called: ClassVar[tuple[str, str]] = ("", "")  # what people call one and many, where the model is named otherwise

    def facts(self, row: Any) -> Sequence[Facts]:
        """What the row itself says."""
        return ()

    def first_tables(self, row: Any) -> Sequence[Table]:
        """What is looked for first, above the facts."""
        return ()

    def charts(self, row: Any) -> Sequence[Chart]:
        """What was measured of it, drawn."""
        return ()

    def tables(self, row: Any) -> Sequence[Table]:
        """What belongs to the row."""
        return ()

    def notices(self, row: Any) -> Sequence[Notice]:
        """What must be read first."""
        return ()

    def links(self, request: HttpRequest, row: Any) -> Sequence[tuple[str, str]]:
        """Pages of what can be done with the row that takes more than a button: address and words."""
        name = f"console:{self.opts.app_label}_{self.opts.model_name}_plan"
        shown = [one for one in self.planned if one.shown_for(request, row)]
        return [(reverse(name, args=[row.pk, one.name]), one.title) for one in shown]

    def title_of(self, row: Any) -> str:
        return f"{self._names()[0].capitalize()} {row}"

    def _names(self) -> tuple[str, str]:
        return self.called if any(self.called) else (str(self.opts.verbose_name), str(self.opts.verbose_name_plural))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/press/<slug:button>/", view(self.press_view), name=f"{name}_press"),
            path("<path:object_id>/plan/<slug:change>/", view(self.plan_view), name=f"{name}_plan"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. It takes no form, so a POST is refused."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        title = self._names()[1].capitalize()
        context = {"title": title, "subtitle": None, "empty_means": self.empty_means, **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One row's page. It takes no form either."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        row = self._visible(request, object_id)
        if row is None:
            return self._gone(request, object_id)
        request.current_app = self.admin_site.name  # read by the url tag
        return TemplateResponse(request, "console/object.html", self._context(request, row))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Our history is the audit log."""
        return redirect(f"{reverse('console:audit')}?{urlencode({'target': unquote(object_id)})}")

    def press_view(self, request: HttpRequest, object_id: str, button: str) -> HttpResponse:
        """One press of a button; then the row's page again."""
        pressed = next((one for one in self.buttons if one.name == button), None)
        if request.method != "POST" or pressed is None:
            raise PermissionDenied
        row = self._visible(request, object_id)
        if row is None:
            return self._gone(request, object_id)
        press(pressed, request, row)
        return HttpResponseRedirect(row_address(row))

    def plan_view(self, request: HttpRequest, object_id: str, change: str) -> HttpResponse:
        """The plan of a change of the row, and its application."""
        planned = next((one for one in self.planned if one.name == change), None)
        if planned is None:
            raise PermissionDenied
        row = self._visible(request, object_id)
        return self._gone(request, object_id) if row is None else plan_page(request, planned, row, self.admin_site)

    def _visible(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def _gone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        messages.warning(request, f"There is no {self._names()[0]} {object_id}.")
        return redirect(reverse(f"console:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def _context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": self.title_of(row),
            "page_opts": self.opts,
            "names": self._names()[1],
            "row": row,
            "notices": self.notices(row),
            "first_tables": self.first_tables(row),
            "links": self.links(request, row),
            "charts": self.charts(row),
            "facts": self.facts(row),
            "tables": self.tables(row),
            "buttons": [button.drawn_for(row) for button in self.buttons if button.shown_for(request, row)],
        }
