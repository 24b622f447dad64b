"""`python -m simulator`: a local Azure that prints its addresses as one JSON line and runs until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from simulator.process import Options, run

EPILOG = """
The line it prints is JSON: arm, authority (Entra), metrics and vault are base URLs; vaults maps
each vault with a port of its own (--vault) to its URL; sql_port is the one port of all SQL
servers; ca is the certificate authority to trust; tenant, client_id and client_secret are an application that may do
everything, sql_administrators the object id of a group that it is in; subscription and subscriptions, locations; admin is
the address of faults, clock and state (/_sim).

  python -m simulator --state .run/azure --time-scale 60     an hour of Azure passes in a minute, kept over restarts
  curl --cacert CA ADMIN/clock -d '{"advance_seconds": 600}'  ten minutes later at once
  python -m simulator.served                                 what is simulated, simplified and absent
"""


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(run(_options(), announce=lambda line: print(line, flush=True)))


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_addresses(parser.add_argument)
    _add_behaviour(parser.add_argument)
    values = vars(parser.parse_args())
    state = values.pop("state") or Path(tempfile.mkdtemp(prefix="simulator-"))
    return Options(state=state, **values)


def _add_addresses(add: Callable[..., object]) -> None:
    """Where it listens, what it keeps and what is there from the start."""
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port of ARM, Entra, metrics and /_sim; 0: the former or a free one")
    add("--sql-port", type=int, default=0, help="port of the SQL servers; 0: the former or a free one")
    add("--state", type=Path, help="directory of state and certificates, kept over restarts (default: a temporary one)")
    add("--time-scale", type=float, default=1.0, help="simulated seconds per real second (default: %(default)s)")
    add("--seed", type=int, default=1, help="fixes ids, secrets of the default application and durations")
    add("--subscriptions", type=int, default=1, help="how many subscriptions there are (default: %(default)s)")
    add("--vault", action="append", default=[], metavar="NAME", help="a key vault with a port of its own; repeatable")
    add("--exit-with-parent", action="store_true", help="end when the process that started this one ends")


def _add_behaviour(add: Callable[..., object]) -> None:
    """How it answers."""
    add("--page-size", type=int, default=500, help="resources on one page of a listing (default: %(default)s)")
    add(
        "--stale-reads", type=float, default=0.0, metavar="SECONDS", help="reads lag this many simulated seconds behind"
    )
    add("--no-throttling", action="store_true", help="neither ARM nor Key Vault answers 429 for too many requests")
    add(
        "--sql-updates-per-second",
        type=float,
        default=12.0,
        help="creations and changes that the SQL provider takes from a subscription in a region (default: %(default)s)",
    )
    add(
        "--scale-retry-after",
        action="store_true",
        help="Retry-After follows the time scale (default: as Azure says it)",
    )
    add("--enforce-firewall", action="store_true", help="SQL sign-ins need a firewall rule where public access is on")


if __name__ == "__main__":
    main()
