"""An Azure in memory whose time moves only when a test moves it."""

from __future__ import annotations

import pytest

from simulator.azure import Azure


@pytest.fixture
def azure() -> Azure:
    return Azure(real=lambda: 0.0)
