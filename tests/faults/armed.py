"""Settings of processes that obey orders at their failpoints: the product's own, and an ear for FAILPOINT_ORDERS."""

import os
from pathlib import Path

from controlplane.settings import *  # noqa: F403
from operations import failpoints
from tests.faults.orders import Obedience, OrderBook

failpoints.listen(Obedience(OrderBook(Path(os.environ["FAILPOINT_ORDERS"]))))
