"""Why here, why not there: operators see pools and amounts, owners their own figures and nothing that depends on others."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from inventory.models import Database, ElasticPool
from placement import pool_loads
from placement.explaining import explain, for_owner
from tests.crowded import Crowded, crowded_rows
from tests.measured_fleet import folded, measured

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


def test_operators_see_where_else_it_could_go_and_what_refuses_it_by_how_much(crowded: Crowded):
    row = crowded.crowd[0]
    assert explain(row).elsewhere.pool_id == str(crowded.second.pk)
    ElasticPool.objects.filter(pk=crowded.second.pk).update(bytes_committed=int(1.79 * 2**40))
    found = explain(row)
    assert found.elsewhere.pool_id is None
    (refusal,) = [one for one in found.elsewhere.refusals if one.constraint == "has_free_storage"]
    assert refusal.missing == pytest.approx(1.79 * 2**40 + row.size_bytes - 1.8 * 2**40, rel=1e-6)
    (remedy,) = [text for text in found.what_would_change_it if text.startswith("has_free_storage")]
    assert f"{refusal.missing / 2**30:.1f} GB more free in {crowded.second.pk}" in remedy


def test_figures_are_the_databases_own(crowded: Crowded):
    figures = explain(crowded.crowd[0]).figures
    assert figures.mean_vcores == pytest.approx(3.0, rel=0.05)
    assert figures.size_gb == crowded.crowd[0].size_bytes / 2**30


def test_what_an_owner_sees_does_not_depend_on_neighbours(crowded: Crowded):
    row = crowded.crowd[0]
    before = asdict(for_owner(row))
    others = [other.pk for other in crowded.crowd[1:]]
    Database.objects.filter(pk__in=others).update(size_bytes=700 * 2**30, vcores_demanded=3.9)
    ElasticPool.objects.update(
        bytes_committed=2 * 2**40, vcores_demanded=15.9, databases_committed=400, is_cordoned=True
    )
    folded()
    pool_loads.refresh_all()
    assert asdict(for_owner(row)) == before


def test_an_owner_sees_no_name_or_id_of_pools_servers_or_neighbours(crowded: Crowded):
    measured({crowded.crowd[1]: 4.0})
    told = json.dumps(asdict(for_owner(crowded.crowd[0])))
    places = [crowded.first, crowded.second, crowded.first.server, *crowded.crowd[1:]]
    for row in places:
        assert str(row.pk) not in told
        assert row.azure_name not in told
