"""Key vaults as ARM knows them: protection, firewall, access policies. What is in them is Key Vault's own plane."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulator.arm.answers import page
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.errors import ArmError, invalid, parent_not_found
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import GROUP, SUBSCRIPTION, route
from simulator.http import Response, answer
from simulator.moments import iso
from simulator.regions import REGIONS, normalised
from simulator.vaults import Grants, Vault

TYPE = "Microsoft.KeyVault/vaults"
VAULTS = f"/providers/{TYPE}"
VAULT = GROUP + VAULTS + "/{vault}"
KIND = "vaults"
REGISTERING_SECONDS = 10.0  # until its address is known everywhere
SINCE = {
    "softDeleteRetentionInDays": "2019-09-01",
    "enableRbacAuthorization": "2020-04-01",
    "publicNetworkAccess": "2021-06-01",
    "systemData": "2021-04-01",
}


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
        vault = call.arm.vaults.vaults.put(replace(_asked_vault(call, asked), location=location))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise invalid("BadRequest", str(error)) from error
    before = call.arm.resources.get(call.id(VAULT))
    tags = tags_of(body)
    shown = _body(call, vault, asked, before)
    shown["location"] = location
    shown["tags"] = tags if tags is not None else (before.body["tags"] if before else {})
    inner = before.inner if before else {"ready_at": call.now + REGISTERING_SECONDS}
    resource = Resource(shown["id"], KIND, (group.key, call.id(SUBSCRIPTION).lower()), shown, inner)
    call.arm.resources.put(resource)
    call.record("PutVault", resource.id)
    return _answer(call, resource)


def _answer(call: Call, vault: Resource) -> Response:
    return answer(200, shown_vault(vault, call.api_version, call.now), {"x-ms-keyvault-service-version": "1.5.851.0"})


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
    """What the policies allow; an object that is named twice has what either gives it."""
    grants: Grants = {}
    for policy in policies:
        areas = grants.setdefault(str(policy["objectId"]), {})
        for area, words in policy.get("permissions", {}).items():
            if area in ("keys", "secrets"):
                areas[area] = sorted({*areas.get(area, ()), *(str(word).lower() for word in words or ())})
    return grants


def _body(call: Call, vault: Vault, asked: Body, before: Resource | None) -> Body:
    """Policies stand as they were sent; rules and roles show once they were spoken of."""
    present = before.properties if before else {}
    properties: dict[str, Any] = {
        "sku": {"family": "A", "name": "premium" if vault.premium else "standard"},
        "tenantId": call.arm.entra.tenant,
        **({"networkAcls": _rules(vault)} if "networkAcls" in (asked.keys() | present.keys()) else {}),
        "accessPolicies": asked.get("accessPolicies", present.get("accessPolicies", [])),
        "enabledForDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": vault.soft_delete_days,
        **({"enableRbacAuthorization": vault.rbac} if "enableRbacAuthorization" in (asked.keys() | present) else {}),
        **({"enablePurgeProtection": True} if vault.purge_protection else {}),
        "vaultUri": call.arm.vaults.url_of(vault.name, call.request.port),
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled" if vault.public_access else "Disabled",
    }
    head = {"id": call.id(VAULT), "name": call.names["vault"], "type": TYPE, "location": "", "tags": {}}
    return {**head, "systemData": _system_data(call, before), "properties": properties}


def shown_vault(vault: Resource, version: str, now: float) -> Body:
    """As that api-version shows it; its address is being registered at first, then it ends with a slash."""
    date = version[:10]
    properties = {name: value for name, value in vault.properties.items() if SINCE.get(name, "") <= date}
    if now < vault.inner["ready_at"]:
        properties |= {"provisioningState": "RegisteringDns", "vaultUri": properties["vaultUri"].rstrip("/")}
    head = {name: value for name, value in vault.body.items() if SINCE.get(name, "") <= date}
    return {**head, "properties": properties}


def _rules(vault: Vault) -> Body:
    return {
        "bypass": "AzureServices" if vault.trusts_services else "None",
        "defaultAction": "Deny" if vault.deny_addresses else "Allow",
        "ipRules": [{"value": address} for address in vault.allowed_addresses],
        "virtualNetworkRules": [],
    }


def _system_data(call: Call, before: Resource | None) -> Body:
    """Who made it and who changed it last, when."""
    by, at = {"By": call.who, "ByType": "Application"}, iso(call.now)
    latest = {**{f"lastModified{word}": value for word, value in by.items()}, "lastModifiedAt": at}
    first = {**{f"created{word}": value for word, value in by.items()}, "createdAt": at}
    return {**(before.body["systemData"] if before else first), **latest}


@route("GET", VAULT)
def get_vault(call: Call) -> Response:
    """The vault; the gateway's 404 when absent."""
    call.group()
    found = call.arm.resources.seen(call.id(VAULT))
    if found is None:
        raise parent_not_found(f"{TYPE}/{call.names['vault']}", call.names["group"])
    return _answer(call, found)


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
