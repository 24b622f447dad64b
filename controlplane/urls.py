"""All routes."""

from __future__ import annotations

from django.urls import include, path

from controlplane.console.pages import console
from controlplane.health import healthz, readyz
from controlplane.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("console/", console.urls),
    path("api/", include("controlplane.api.urls")),
]
handler400 = "controlplane.api.pages.bad_request"
handler500 = "controlplane.api.pages.server_error"
