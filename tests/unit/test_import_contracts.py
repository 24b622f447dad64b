"""The contracts of import-linter are as strong as the sentence in docs/architecture.md."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.databases import ROOT

STANDING_ALONE = ("cloud", "simulator", "placement.engine")


def contracts() -> tuple[set[str], list[dict[str, Any]]]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return set(linter["root_packages"]), linter["contracts"]


def modules_beside_the_engine() -> set[str]:
    entries = (ROOT / "placement").iterdir()
    names = {entry.stem for entry in entries if entry.suffix == ".py" or (entry / "__init__.py").exists()}
    return {f"placement.{name}" for name in names - {"__init__", "engine"}}


@pytest.mark.parametrize("alone", STANDING_ALONE)
def test_what_stands_alone_may_import_no_other_package_of_ours(alone: str):
    packages, found = contracts()
    others = packages - {alone.partition(".")[0]} | (modules_beside_the_engine() if "." in alone else set())
    forbidden = [c["forbidden_modules"] for c in found if c["type"] == "forbidden" and alone in c["source_modules"]]
    assert others <= {module for modules in forbidden for module in modules}


def test_every_package_that_does_not_stand_alone_has_its_layer():
    packages, found = contracts()
    layers = next(contract["layers"] for contract in found if contract["type"] == "layers")
    assert {name.strip() for layer in layers for name in layer.split("|")} == packages - {"cloud", "simulator"}
