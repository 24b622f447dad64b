"""What `/_sim` offers for vaults: make and change them, and say who may do what in them."""

from __future__ import annotations

from dataclasses import replace

from simulator.control_values import object_of
from simulator.http import Request, Response, answer
from simulator.vaults import ROLES, Vault, Vaults

_FIELDS: dict[str, type] = {
    "is_open": bool,
    "soft_delete_days": int,
    "purge_protection": bool,
    "premium": bool,
    "rbac": bool,
    "public_access": bool,
    "deny_addresses": bool,
    "allowed_addresses": list,
    "trusts_services": bool,
    "is_deleted": bool,
    "is_down": bool,
    "location": str,
}


class VaultControl:
    """Vaults without a word to ARM. Names and object ids are those of Key Vault and Entra."""

    def __init__(self, vaults: Vaults) -> None:
        self._vaults = vaults

    def list(self, request: Request) -> Response:
        """Every vault that was made, with its grants."""
        return answer(200, {"value": list(self._vaults.all())})

    def put(self, request: Request) -> Response:
        """Make or change a vault: `name` and any of its settings (see `simulator.vaults.Vault`)."""
        document = object_of(request)
        changes = {name: value for name, value in document.items() if name != "name"}
        for name, value in changes.items():
            if name not in _FIELDS or type(value) is not _FIELDS[name]:
                raise ValueError(f"'{name}' is no setting of a vault, or of the wrong type.")
        return self._kept(replace(self._vaults.get(str(document["name"])), **changes))

    def grant(self, request: Request) -> Response:
        """Exactly these permissions for an object: `vault`, `object_id`, and a `role` or lists `keys` and `secrets`."""
        document = object_of(request)
        if "role" in document and document["role"] not in ROLES:
            raise ValueError(f"There is no role '{document['role']}': {', '.join(ROLES)}.")
        given = ROLES[document["role"]] if "role" in document else {
            area: [str(word) for word in document.get(area, [])] for area in ("keys", "secrets")
        }  # fmt: skip
        vault = self._vaults.get(str(document["vault"]))
        return self._kept(vault.granting(str(document["object_id"]), dict(given)))

    def revoke(self, request: Request) -> Response:
        """Everything from an object: `vault` and `object_id`."""
        document = object_of(request)
        return self._kept(self._vaults.get(str(document["vault"])).revoking(str(document["object_id"])))

    def _kept(self, vault: Vault) -> Response:
        self._vaults.put(vault)
        return answer(200, next(one for one in self._vaults.all() if one["name"] == vault.name.lower()))
