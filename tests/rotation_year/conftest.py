from __future__ import annotations

from tests.integration.rotation.conftest import azure

__all__ = ["azure"]
