"""The simulator answers recorded requests as Azure did: status, headers, fields and types."""

from __future__ import annotations

import re

import pytest

from tests.simulator.builders import PASSWORD, ask, settle
from tests.simulator.recordings import Replay, differences, flow

FLOWS = (
    "server_crud_net",
    "server_public_access_cli",
    "server_aad_admin_cli",
    "pool_vcore_cli_2023",
    "pool_crud_cli_2023",
    "pool_maintenance_cli",
    "db_crud_rename_cli_2023",
    "db_create_drop_net",
    "db_update_net",
    "db_maintenance_cli",
    "zr_database_cli_2023",
    "ops_db_cancel_net",
    "ops_pool_cancel_net",
    "usages_subscription_cli",
    "usages_subscription_net",
    "copy_cli_2023",
    "restore_cli_2023",
    "restore_pitr_net",
    "hs_zone_copy_cli_2023",
    "hs_zone_restore_cli_2023",
    "replica_cli_2024",
    "replica_create_delete_net",
    "db_rename_net",
    "db_move_between_pools_net",
    "db_create_full_headers_js_2023",
    "failover_database_net",
    "checkname_taken_net",
    "tde_net",
)
ELSEWHERE = re.compile(r"exportTemplate|2014-04-01")
OUT_OF_ORDER = {"server_crud_net": {7}, "db_update_net": {15}}  # polls were trimmed: a GET stands before its change
DEFAULT_WAS_S0 = {"restore_pitr_net", "replica_create_delete_net", "db_rename_net", "tde_net"}  # recorded in March 2018
OF_VCORES = re.compile(r"(family|licenseType|maxLogSizeBytes) is not recorded")
ENDS = {"replica_cli_2024": 68}  # what follows fails links over


@pytest.mark.parametrize("name", FLOWS)
def test_a_recorded_flow_gets_the_recorded_answers(azure, name):
    interactions = flow(name)
    _make_groups(azure, interactions)
    _make_servers(azure, interactions)
    replay = Replay(azure)
    found = []
    for number, interaction in enumerate(interactions):
        if ELSEWHERE.search(f"{interaction['path']}?{interaction['query']}"[-60:]):
            continue
        if number == ENDS.get(name):
            break
        response = replay.send(interaction)
        replay.learn(interaction, response)
        if number not in OUT_OF_ORDER.get(name, ()):
            found += [f"{number} {interaction['method']} {one}" for one in differences(interaction, response)]
    if name in DEFAULT_WAS_S0:
        found = [one for one in found if not OF_VCORES.search(one)]
    assert found == []


def test_a_group_is_deleted_behind_a_location_as_recorded(azure):
    interactions = flow("rg_cli_2023")
    ask(azure, "PUT", "/resourceGroups/cli_test_rg_scenario000001", {"location": "westus"})
    replay = Replay(azure)
    for interaction in [one for one in interactions if "exportTemplate" not in one["path"]]:
        response = replay.send(interaction)
        replay.learn(interaction, response)
        assert differences(interaction, response) == []


def _make_servers(azure, interactions) -> None:
    """Servers that the recording had before it began."""
    paths = [one["path"] for one in interactions if "/servers/" in one["path"] and "resourceGroups" in one["path"]]
    used = {re.sub(r"(/servers/[^/]+).*", r"\1", path).split("/", 3)[3] for path in paths}
    made = {one["path"].split("/", 3)[3] for one in interactions if one["method"] == "PUT"}
    properties = {"administratorLogin": "fleetadmin", "administratorLoginPassword": PASSWORD}
    for path in sorted(used - made):
        assert ask(azure, "PUT", f"/{path}", {"location": "eastus", "properties": properties}).status == 202
    settle(azure)


def _make_groups(azure, interactions) -> None:
    """Groups that the recording had before it began."""
    made = {
        one["path"].lower().rsplit("/", 1)[1]
        for one in interactions
        if "resourcegroups/" in one["path"].split("/providers")[0] and one["method"] == "PUT"
    }
    used = {found[1] for one in interactions if (found := re.search(r"(?i)/resourceGroups/([^/]+)", one["path"]))}
    for name in sorted(used):
        if name.lower() not in made:
            ask(
                azure,
                "PUT",
                f"/resourceGroups/{name}",
                {"location": "westeurope", "tags": {"product": "a", "cause": "b", "date": "c"}},
            )
