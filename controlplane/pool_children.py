"""A child of a worker's pool dies with its worker, however that ends: a sign-in that hangs would keep it for ever."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_worker(**_: object) -> None:
    """Ask the kernel to kill this child at the worker's end. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
