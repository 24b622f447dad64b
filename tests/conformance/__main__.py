"""`make conformance`: recorded exchanges with Azure replayed against a fresh simulator a flow.

Prints a table by area, what is left out and why, every difference that remains, and one JSON line. Exit code 1 when the
share of equal exchanges is below the stored floor, 2 when there are no recordings.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

from tests.conformance.contract import kept_seconds
from tests.conformance.recording import folder
from tests.conformance.report import Report, replay_all
from tests.conformance.scope import LATER

FLOOR = json.loads(Path(__file__).with_name("floor.json").read_text())
LINE = "{:40} {:>12} {:>10} {:>6} {:>9} {:>12}"


def main() -> int:
    directory = folder()
    report = replay_all(directory, kept_seconds())
    if not report.verdicts:
        print(f"There are no recordings in {directory} (RECORDINGS_DIR names another place).", file=sys.stderr)
        return 2
    print(_table(report))
    print(_differences(report))
    figures = _figures(report)
    print(json.dumps(figures))
    return int(figures["percent"] < FLOOR["percent"])


def _table(report: Report) -> str:
    rows = sorted(report.by_flow().items(), key=lambda row: (row[0][0] in LATER, row[0]))
    lines = [LINE.format("area, flow", "interactions", "comparable", "equal", "different", "out of scope")]
    for area, flows in groupby(rows, key=lambda row: row[0][0]):
        of_area = list(flows)
        title = f"{area} (a later area)" if area in LATER else area
        lines += ["", _row(title, sum((row for _, row in of_area), Counter()))]
        lines += [_row(f"  {flow}", row) for (_, flow), row in of_area]
    lines += ["", "Out of scope, and why:"]
    lines += [f"{count:6}  {reason}" for reason, count in report.left_out().most_common()]
    return "\n".join(lines)


def _row(title: str, row: Counter[str]) -> str:
    compared = row["equal"] + row["different"]
    return LINE.format(title, sum(row.values()), compared, row["equal"], row["different"], row["out"])


def _differences(report: Report) -> str:
    lines = ["", "What differs (later areas last):"]
    for one in sorted(report.verdicts, key=lambda verdict: verdict.scope.later):
        if one.differences:
            tail = one.one.path.partition("/providers/")[2] or one.one.path
            lines.append(f"  {one.flow} {one.one.number} {one.one.method} {tail[-110:]} {one.one.version}")
            lines += [f"      {text[:240]}" for text in one.differences[:SHOWN]]
            if len(one.differences) > SHOWN:
                lines.append(f"      … and {len(one.differences) - SHOWN} more")
    return "\n".join(lines)


SHOWN = 6


def _figures(report: Report) -> dict[str, float | int | str]:
    compared, equal = report.counted(later=False)
    later, later_equal = report.counted(later=True)
    return {
        "benchmark": "conformance",
        "interactions": len(report.verdicts),
        "comparable": compared,
        "equal": equal,
        "percent": round(100 * equal / max(compared, 1), 2),
        "later_comparable": later,
        "later_equal": later_equal,
        "later_percent": round(100 * later_equal / max(later, 1), 2),
        "floor": FLOOR["percent"],
    }


if __name__ == "__main__":
    sys.exit(main())
