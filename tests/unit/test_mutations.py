"""The safeguards that `make mutations` takes away stand where it looks for them."""

from __future__ import annotations

import pytest

from tests.databases import ROOT
from tests.mutations import MUTATIONS, Mutation, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_safeguard_is_where_it_is_taken_away(mutation: Mutation):
    text = (ROOT / mutation.path).read_text()
    assert mutated(text, mutation) != text
