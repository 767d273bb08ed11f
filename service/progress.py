"""Long work shows where it is: a line per stage on a terminal, nothing in between for programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.planning import Progress


@contextmanager
def stages(title: str, *, total: int) -> Iterator[Progress]:
    """A progress bar on stderr, where that is a terminal, that moves on with each stage it is told.

    Args:
        title: What is being done.
        total: How many stages there will be.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns: tuple[Any, ...] = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[stage]}"),
    )
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=False, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=total, stage="")
        started = False

        def advance(stage: str) -> None:
            nonlocal started
            bars.update(task, advance=int(started), stage=stage)
            started = True

        yield advance
        bars.update(task, completed=total, stage="done")
