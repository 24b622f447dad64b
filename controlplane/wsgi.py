"""The web server's entry. WSGI: under ASGI each request would open its own database connection."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from controlplane import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
application = get_wsgi_application()
checks.refuse_unsafe_configuration()
