"""Compile everything once: `python -m placement.engine.warm`, when an image is built. Later processes load it."""

from __future__ import annotations

import numpy as np

from placement.engine.packing.pack import pack
from placement.engine.packing.spread import spread
from placement.engine.rebalance.problem import Costs, Databases, Groups, Pools, Problem
from placement.engine.rebalance.search import Budget, rebalance


def main() -> None:
    """Two databases in two pools, through every compiled function."""
    two = np.arange(2, dtype=np.int64)
    zeros, ones, no = np.zeros_like(two), np.ones((2, 1), dtype=np.int64), two < 0
    databases = Databases(needs=ones, group=two, move_cost=zeros, pool=zeros, kind=zeros, pinned=no)
    pools = Pools(capacity=ones * 9, safe=ones, zone=zeros, site=zeros, kind=zeros, port=two, closed=no)
    costs = Costs(load_weight=np.ones(1, dtype=np.int64), held=no[:1], road=np.eye(2, dtype=np.int64))
    rebalance(Problem(databases, pools, Groups(zeros, ((), ())), costs), budget=Budget(trials=100))
    pack(np.array([[0.3], [0.4], [0.5], [0.6]]), np.ones(1), seconds=5.0)
    spread(np.full((2, 1), 0.4))


if __name__ == "__main__":
    main()
