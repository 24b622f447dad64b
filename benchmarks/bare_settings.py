"""The product's settings with one bare route: the yardstick of `make bench-api`."""

from controlplane.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare_urls"
MIDDLEWARE = []
