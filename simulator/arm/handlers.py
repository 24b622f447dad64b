"""Importing this module registers every handler with the router."""

from simulator.arm import (
    administrators,
    auditing,
    capabilities,
    databases,
    elastic_pools,
    firewall_rules,
    metrics,
    polling,
    resource_groups,
    restorable,
    retention,
    servers,
    subscriptions,
    tde,
    usages,
)

ALL = (
    administrators,
    auditing,
    capabilities,
    databases,
    elastic_pools,
    firewall_rules,
    metrics,
    polling,
    resource_groups,
    restorable,
    retention,
    servers,
    subscriptions,
    tde,
    usages,
)
