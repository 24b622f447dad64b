"""Every ARM resource that exists, with the indexes that listings need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from simulator.clock import Clock
from simulator.store import Document, Store

KIND = "arm"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `body` is what a GET shows; `inner` is known to the simulator only.

    `under` names the collections that list it: the parent's key, and others (its pool, its region); `order` is given by
    `Resources` and sorts listings by creation.
    """

    id: str
    type: str
    under: tuple[str, ...]
    body: Body
    inner: Body = field(default_factory=dict)
    order: int = 0

    @property
    def key(self) -> str:
        return self.id.lower()

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[1]

    @property
    def properties(self) -> Body:
        properties: Body = self.body["properties"]
        return properties

    def changed(
        self, *, properties: Mapping[str, Any] | None = None, inner: Mapping[str, Any] | None = None
    ) -> Resource:
        """The same with some properties (or inner values) replaced; a property of value None is taken away."""
        merged = {**self.properties, **(properties or {})}
        kept = {name: value for name, value in merged.items() if value is not None}
        body = {**self.body, "properties": kept}
        return replace(self, body=body, inner={**self.inner, **(inner or {})})

    def with_body(self, **parts: Any) -> Resource:
        """The same with top-level parts of the body (tags, sku, kind, identity) replaced; None takes one away."""
        body = {name: value for name, value in {**self.body, **parts}.items() if value is not None}
        return replace(self, body=body)

    def moved(self, under: Iterable[str]) -> Resource:
        return replace(self, under=tuple(collection.lower() for collection in under))


Weights = Callable[[Resource], Iterable[tuple[str, int]]]


class Resources:
    """Resources by key (the lower-case ARM id) and by collection.

    `get` and `children` tell the truth. `seen` and `seen_children` are for readers: for `stale_seconds` (simulated)
    after a change they still show what was there before, as a read from a lagging replica does. `totals` adds up what
    `weights` says of each resource.
    """

    def __init__(self, store: Store, clock: Clock, stale_seconds: float = 0.0, weights: Weights = lambda _: ()) -> None:
        self._store = store
        self._weights = weights
        self.totals: Counter[str] = Counter()
        self._clock = clock
        self._stale_seconds = stale_seconds
        self._former: dict[str, tuple[float, Resource | None]] = {}
        self._children: dict[tuple[str, str], dict[str, None]] = {}
        self._all: dict[str, Resource] = {}
        for _, document in store.items(KIND):
            self._index(_from_document(document))
        self._next_order = max((resource.order for resource in self._all.values()), default=0) + 1

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._all.values()))

    def get(self, key: str) -> Resource | None:
        return self._all.get(key.lower())

    def put(self, resource: Resource) -> None:
        self._remember(resource.key)
        former = self._all.get(resource.key)
        if former is None:
            resource = replace(resource, order=self._next_order)
            self._next_order += 1
        else:
            resource = replace(resource, order=former.order)
            self._leave(former, set(former.under) - set(resource.under))
            self._weigh(former, -1)
        self._index(resource)
        self._store.put(KIND, resource.key, _to_document(resource))

    def delete(self, key: str) -> None:
        """Forget it and everything below it."""
        for child in self.below(key):
            self._drop(child.key)
        self._drop(key.lower())

    def children(self, collection: str, type_: str) -> list[Resource]:
        return [self._all[key] for key in self._children.get((collection.lower(), type_), ())]

    def first(self, collection: str, type_: str, number: int) -> list[Resource]:
        """The first so many children, those that were added longest ago."""
        keys = islice(self._children.get((collection.lower(), type_), ()), number)
        return [self._all[key] for key in keys]

    def count(self, collection: str, type_: str) -> int:
        return len(self._children.get((collection.lower(), type_), ()))

    def below(self, key: str) -> list[Resource]:
        """Children, and their children, of whatever type."""
        found: list[Resource] = []
        waiting = [key.lower()]
        while waiting:
            parent = waiting.pop()
            for type_ in self._types_below(parent):
                kids = [child for child in self.children(parent, type_) if child.key.startswith(parent + "/")]
                found += kids
                waiting += [kid.key for kid in kids]
        return found

    def seen(self, key: str) -> Resource | None:
        key = key.lower()
        return self._former[key][1] if self._is_stale(key) else self._all.get(key)

    def seen_children(self, collection: str, type_: str) -> list[Resource]:
        shown = self.children(collection, type_)
        if not self._former:
            return shown
        self._forget_former()
        present = [now for now in (self.seen(child.key) for child in shown) if now is not None]
        gone = [
            former
            for key, (_, former) in self._former.items()
            if key not in self._all
            and former is not None
            and former.type == type_
            and collection.lower() in former.under
        ]
        return present + gone

    def _types_below(self, parent: str) -> list[str]:
        return [type_ for type_ in CHILD_TYPES if (parent, type_) in self._children]

    def _is_stale(self, key: str) -> bool:
        known = self._former.get(key)
        return known is not None and known[0] + self._stale_seconds > self._clock.now()

    def _remember(self, key: str) -> None:
        if self._stale_seconds > 0 and not self._is_stale(key):
            self._former[key] = (self._clock.now(), self._all.get(key))

    def _forget_former(self) -> None:
        for key in [key for key in self._former if not self._is_stale(key)]:
            del self._former[key]

    def _drop(self, key: str) -> None:
        former = self._all.get(key)
        if former is None:
            return
        self._remember(key)
        del self._all[key]
        self._leave(former, former.under)
        self._weigh(former, -1)
        self._store.delete(KIND, key)

    def _weigh(self, resource: Resource, sign: int) -> None:
        for total, weight in self._weights(resource):
            self.totals[total] += sign * weight

    def _index(self, resource: Resource) -> None:
        self._all[resource.key] = resource
        self._weigh(resource, 1)
        for collection in resource.under:
            self._children.setdefault((collection, resource.type), {})[resource.key] = None

    def _leave(self, resource: Resource, collections: Iterable[str]) -> None:
        for collection in collections:
            members = self._children[collection, resource.type]
            del members[resource.key]
            if not members:
                del self._children[collection, resource.type]


CHILD_TYPES = (
    "servers",
    "vaults",
    "userAssignedIdentities",
    "databases",
    "elasticPools",
    "firewallRules",
    "administrators",
    "azureADOnlyAuthentications",
    "auditingSettings",
    "transparentDataEncryption",
    "backupShortTermRetentionPolicies",
    "restorableDroppedDatabases",
    "replicationLinks",
    "privateEndpointConnections",
    "privateEndpoints",
    "locks",
    "diagnosticSettings",
    "serverKeys",
    "federatedIdentityCredentials",
)


def _to_document(resource: Resource) -> Document:
    return {
        "id": resource.id,
        "type": resource.type,
        "under": resource.under,
        "body": resource.body,
        "inner": resource.inner,
        "order": resource.order,
    }


def _from_document(document: Document) -> Resource:
    return Resource(**{**document, "under": tuple(document["under"])})
