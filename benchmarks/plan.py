"""From the raw order file to recommendations: seconds of each stage, and in all.

The file is the public Online Retail order book where it is kept on this machine, else the demo company's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from import_orders import order_file
from measure import Claim, Figure, run, seconds

from data.connection import open_database
from orders.importing import OrderImport, import_orders
from orders.model import Actor
from service.planning import make_plan

PLANNER = Actor("benchmark")
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def stages(path: Path, options: list[str], url: str) -> tuple[dict[str, float], int]:
    """Seconds of each stage of one run in a new database, and how many recommendations came of it."""
    taken = {}
    time_zone, currency = options[1], options[3]
    database = open_database(url)
    request = OrderImport(path, time_zone=time_zone, currency=currency)
    taken["import orders"] = seconds(lambda: import_orders(database, request, actor=PLANNER, at=NOW))
    plan = make_plan(database, actor=PLANNER, at=NOW)
    database.close()
    return taken | plan.seconds, int(plan.summary["points"])


def benchmark(quick: bool) -> list[Claim]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        path, options = order_file(folder)
        runs = [stages(path, options, f"sqlite:///{folder}/run{number}.db") for number in range(1 if quick else 3)]
    points = runs[0][1]
    by_stage = {stage: Figure.of([taken[stage] for taken, _ in runs]) for stage in runs[0][0]}
    total = Figure.of([sum(taken.values()) for taken, _ in runs])
    return [
        *(Claim(stage, figure, None, "s", None, points) for stage, figure in by_stage.items()),
        Claim("raw order file to recommendations", total, None, "s", "< 60", points),
    ]


if __name__ == "__main__":
    run(str(__doc__), benchmark)
