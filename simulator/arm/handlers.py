"""Importing this module registers every handler with the router."""

from simulator.arm import databases, elastic_pools, polling, resource_groups, servers, subscriptions

ALL = (databases, elastic_pools, polling, resource_groups, servers, subscriptions)
