from __future__ import annotations

from tests.acceptance.conftest import directory, nobody_has_called_yet

__all__ = ["directory", "nobody_has_called_yet"]
