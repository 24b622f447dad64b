"""Key vaults as ARM knows them: protection, firewall, access policies. What is in them is Key Vault's own plane."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulator.arm.answers import page, show
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.errors import ArmError, invalid, parent_not_found
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import GROUP, SUBSCRIPTION, route
from simulator.http import Response, answer
from simulator.regions import REGIONS, normalised
from simulator.vaults import Grants, Vault

TYPE = "Microsoft.KeyVault/vaults"
VAULTS = f"/providers/{TYPE}"
VAULT = GROUP + VAULTS + "/{vault}"
KIND = "vaults"


@route("PUT", VAULT)
def put_vault(call: Call) -> Response:
    """200 with the vault, new or changed; 400 for what Azure refuses, such as lifting purge protection."""
    group, body = call.group(), call.body()
    asked = properties_of(body)
    location = normalised(str(body.get("location") or ""))
    if location not in REGIONS:
        raise ArmError(400, "LocationNotAvailableForResourceType", f"The location '{location}' is not available.")
    _check_owner(call)
    try:
        vault = call.arm.vaults.vaults.put(_asked_vault(call, asked))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise invalid("BadRequest", str(error)) from error
    before = call.arm.resources.get(call.id(VAULT))
    tags = tags_of(body)
    shown = _body(call, vault, location, tags if tags is not None else (before.body["tags"] if before else {}))
    collections = (group.key, call.id(SUBSCRIPTION).lower())
    resource = Resource(shown["id"], KIND, collections, shown)
    call.arm.resources.put(resource)
    call.record("PutVault", resource.id)
    return answer(200, resource.body)


def _check_owner(call: Call) -> None:
    """Names of vaults are global: 409 for one that is taken elsewhere."""
    here = call.id(VAULT).lower()
    taken = [one for one in call.arm.resources if one.type == KIND and one.name.lower() == call.names["vault"].lower()]
    if any(one.key != here for one in taken):
        name = call.names["vault"]
        raise ArmError(409, "VaultAlreadyExists", f"The vault name '{name}' is already in use.")


def _asked_vault(call: Call, asked: Body) -> Vault:
    name = call.names["vault"]
    present = call.arm.vaults.vaults.get(name)
    vault = present if call.arm.vaults.vaults.is_made(name) else replace(present, is_open=False)
    acls = asked.get("networkAcls") or {}
    protected = asked.get("enablePurgeProtection")
    return replace(
        vault,
        name=name,
        is_deleted=False,
        soft_delete_days=int(asked.get("softDeleteRetentionInDays") or vault.soft_delete_days),
        purge_protection=vault.purge_protection if protected is None else bool(protected),
        premium=str((asked.get("sku") or {}).get("name", "standard")).lower() == "premium",
        rbac=bool(asked.get("enableRbacAuthorization", vault.rbac)),
        public_access=str(asked.get("publicNetworkAccess", "Enabled")).lower() == "enabled",
        deny_addresses=str(acls.get("defaultAction", "Allow")).lower() == "deny",
        allowed_addresses=[str(rule["value"]).partition("/")[0] for rule in acls.get("ipRules") or []],
        trusts_services="azureservices" in str(acls.get("bypass", "AzureServices")).lower(),
        grants=_grants(asked["accessPolicies"]) if "accessPolicies" in asked else vault.grants,
    )


def _grants(policies: list[Body]) -> Grants:
    return {
        str(policy["objectId"]): {
            area: sorted({str(word).lower() for word in words or ()})
            for area, words in policy.get("permissions", {}).items()
            if area in ("keys", "secrets")
        }
        for policy in policies
    }


def _body(call: Call, vault: Vault, location: str, tags: Body) -> Body:
    policies = [
        {"tenantId": call.arm.entra.tenant, "objectId": object_id, "permissions": permissions}
        for object_id, permissions in vault.grants.items()
    ]
    properties: dict[str, Any] = {
        "sku": {"family": "A", "name": "premium" if vault.premium else "standard"},
        "tenantId": call.arm.entra.tenant,
        "networkAcls": {
            "bypass": "AzureServices" if vault.trusts_services else "None",
            "defaultAction": "Deny" if vault.deny_addresses else "Allow",
            "ipRules": [{"value": address} for address in vault.allowed_addresses],
            "virtualNetworkRules": [],
        },
        "accessPolicies": policies,
        "enabledForDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": vault.soft_delete_days,
        "enableRbacAuthorization": vault.rbac,
        **({"enablePurgeProtection": True} if vault.purge_protection else {}),
        "vaultUri": call.arm.vaults.url_of(vault.name, call.request.port),
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled" if vault.public_access else "Disabled",
    }
    head = {"id": call.id(VAULT), "name": call.names["vault"], "type": TYPE, "location": location, "tags": tags}
    return {**head, "properties": properties}


@route("GET", VAULT)
def get_vault(call: Call) -> Response:
    """The vault; the gateway's 404 when absent."""
    call.group()
    found = call.arm.resources.seen(call.id(VAULT))
    if found is None:
        raise parent_not_found(f"{TYPE}/{call.names['vault']}", call.names["group"])
    return show(call, found)


@route("GET", GROUP + VAULTS)
def list_vaults_of_group(call: Call) -> Response:
    """The vaults of a resource group."""
    return page(call, call.arm.resources.seen_children(call.group().key, KIND))


@route("GET", SUBSCRIPTION + VAULTS)
def list_vaults(call: Call) -> Response:
    """The vaults of a subscription."""
    return page(call, call.arm.resources.seen_children(call.id(SUBSCRIPTION), KIND))


@route("DELETE", VAULT)
def delete_vault(call: Call) -> Response:
    """200 (204 when absent): it can be recovered, by a PUT, and until then nobody reaches what is in it."""
    call.group()
    found = call.arm.resources.get(call.id(VAULT))
    if found is None:
        return Response(204)
    vaults = call.arm.vaults.vaults
    vaults.put(replace(vaults.get(found.name), is_deleted=True))
    call.arm.resources.delete(found.key)
    call.record("DeleteVault", found.id)
    return Response(200)
