"""Workers by kind of work: which queues a group reads, which lanes' steps it claims, and in what it runs them."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.env import env_int


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """`pool` threads: for work that waits for HTTP with time-outs; Celery's time limits do not act there. `pool` prefork:
    for what may hang or keeps a core busy; the hard time limit kills the child. `size` is threads or children."""

    name: str
    queues: tuple[str, ...]
    lanes: tuple[str, ...]
    pool: str
    size: int

    def arguments(self) -> tuple[str, ...]:
        """What follows `celery --app controlplane.celery`."""
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        size = ("--pool", self.pool, "--concurrency", str(self.size), "--hostname", f"{self.name}@%h")
        return ("worker", "--queues", ",".join(self.queues), *size, *quiet, "--loglevel", "INFO")

    def environment(self) -> dict[str, str]:
        """Prefetched messages are invisible to others: a group that works for seconds on one takes none in advance."""
        return {"WORKER_LANES": ",".join(self.lanes), "WORKER_PREFETCH": "1"}


def worker_groups() -> tuple[WorkerGroup, ...]:
    """Every queue has its group, and every lane."""
    return (
        WorkerGroup("worker-advance", ("advance",), ("rows", "azure"), "threads", env_int("WORKER_THREADS", 6)),
        WorkerGroup("worker-isolated", ("isolated", "maintenance"), ("sql", "compute"), "prefork", _children()),
        WorkerGroup("worker-observe", ("observe",), (), "threads", env_int("OBSERVER_THREADS", 2)),
        WorkerGroup("worker-notify", ("notify",), (), "threads", env_int("NOTIFY_THREADS", 4)),
    )


def _children() -> int:
    return env_int("WORKER_CHILDREN", 2, minimum=1)
