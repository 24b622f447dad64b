"""Public instances lie beside the repository, or where SHARED_DIR says; the product itself never needs them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.harness import ROOT

SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))


def instances(name: str) -> Path:
    """The folder of one kind of instances. Leaves the program, saying so, where there is none."""
    folder = SHARED / "benchmarks" / "placement" / name
    if not folder.is_dir():
        print(f"skipped: no instances below {folder} (set SHARED_DIR)")
        sys.exit(0)
    return folder
