"""Thin: beat sends these; each is harmless if lost or doubled."""

from __future__ import annotations

from celery import shared_task

from provisioning import forgetting, observe, rebalancing, returns
from provisioning.drift import reconcile, repairs
from provisioning.growth import accepting, sampling, watch
from provisioning.keys import watching
from provisioning.pool_size import deciding
from provisioning.warm import keeping, proofs


@shared_task(ignore_result=True)
def observe_servers() -> None:
    """Look at every server whose time has come."""
    observe.observe_due()


@shared_task(ignore_result=True)
def forget_deleted() -> None:
    """Forget the secrets of services whose grace time is over."""
    forgetting.request_due()


@shared_task(ignore_result=True)
def alert_ending_returns() -> None:
    """Tell owners whose way back from Hyperscale ends soon."""
    returns.alert_ending()


@shared_task(ignore_result=True)
def watch_keys() -> None:
    """Look at customers' keys, and warn of those that are lost."""
    watching.watch_due()


@shared_task(ignore_result=True)
def compare_with_azure() -> None:
    """Compare what is due with what Azure shows, then begin the repairs that the brakes allow."""
    reconcile.review_due()
    repairs.repair_due()


@shared_task(ignore_result=True)
def watch_growth() -> None:
    """Measure every database and bring the proposals up to date."""
    sampling.sample_sizes()
    watch.watch_growth()


@shared_task(ignore_result=True)
def begin_growth() -> None:
    """Begin what was accepted for now."""
    accepting.begin_due()


@shared_task(ignore_result=True)
def keep_warm_stocks() -> None:
    """Make what is missing in the stocks, and let go what is stale, broken or too many."""
    keeping.keep_stocks()


@shared_task(ignore_result=True)
def prove_warm_databases() -> None:
    """Sign in to idle databases whose last proof grows old."""
    proofs.request_due()


@shared_task(ignore_result=True)
def size_pools() -> None:
    """Propose other sizes for pools, region by region, and begin what the rules begin by themselves."""
    deciding.look()


@shared_task(ignore_result=True)
def rebalance() -> None:
    """Spread the load of pools, region by region, as their rules say."""
    rebalancing.rebalance_due()
