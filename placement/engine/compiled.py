"""Where compiled functions are kept, so that one process compiles and the next ones load.

Numba decides by the age of a function's own file whether its cached code is current, and does not see that a function
called from another file has changed. So the folder carries a fingerprint of the whole engine: any change starts afresh.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
from numba import types
from numba.extending import intrinsic

Arrays = TypeVar("Arrays", bound=tuple[Any, ...])
Function = TypeVar("Function", bound=Callable[..., Any])
ENGINE = Path(__file__).parent


def fingerprint() -> str:
    """Changes with any line of the engine."""
    digest = blake2b(digest_size=8)
    for path in sorted(ENGINE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path | None:
    """The first of NUMBA_CACHE_DIR, XDG_CACHE_HOME, ~/.cache and the temporary directory that can be written.

    What was compiled into one that cannot (a read-only image) is copied to the one that can. None where none can be
    written: then every process compiles for itself, half a minute.
    """
    asked = os.environ.get("NUMBA_CACHE_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    private = Path(tempfile.gettempdir()) / f"placement-engine-{os.getuid()}"
    roots = ([Path(asked)] if asked else []) + [Path(cache) / "placement-engine", private]
    folders = [root / fingerprint() for root in roots]
    prepared = next((folder for folder in folders if folder.is_dir()), None)
    writable = next((folder for folder in folders if _can_write(folder)), None)
    if prepared and writable and prepared != writable and not any(writable.iterdir()):
        shutil.copytree(prepared, writable, dirs_exist_ok=True)
    return writable


def _can_write(folder: Path) -> bool:
    """Nobody else may own it: cached code is executed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder.stat().st_uid == os.getuid()
    except OSError:
        return False


_folder = cache_folder()
if _folder is not None:
    numba.config.CACHE_DIR = str(_folder)  # type: ignore[attr-defined]  # set by name at run time

if TYPE_CHECKING:

    def borrowed(arrays: Arrays) -> Arrays:
        """The same arrays without counting who uses them: counting costs ten times what a trial does.

        The caller must hold them while the compiled function runs, as Python callers do.
        """
        return arrays

    def compiled(function: Function) -> Function:
        """Compile at the first call, or load what an earlier process compiled."""
        return function

    def inlined(function: Function) -> Function:
        """Compile into every caller: handing over some thirty arrays costs more than a short function itself."""
        return function
else:

    @intrinsic
    def borrowed(typing, arrays):
        """Take each array's reference counter out of a named tuple."""

        def without_counters(context, builder, signature, args):
            value = args[0]
            for position, kind in enumerate(arrays.types):
                if isinstance(kind, types.Array):
                    array = builder.extract_value(value, position)
                    nothing = array.type.elements[0](None)
                    value = builder.insert_value(value, builder.insert_value(array, nothing, 0), position)
            return value

        return arrays(arrays), without_counters

    compiled = numba.njit(cache=_folder is not None)
    inlined = numba.njit(forceinline=True)
