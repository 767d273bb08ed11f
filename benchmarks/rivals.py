"""Processes that want the same at the same moment, for the benchmarks of what happens then.

They are started once, open the database themselves, and begin each piece of work together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

from servers import postgresql

from data.connection import Database, open_database
from data.errors import StockwrightError

KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def fresh_url(kind: str) -> Iterator[str]:
    """The URL of an empty database, as durable as it comes, that is gone afterwards."""
    if kind == "PostgreSQL":
        with postgresql() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'benchmark.db'}"


def outcome(work: Callable[..., Any], *given: Any) -> Any:
    """What the work gives, the name of the refusal, or how it broke."""
    try:
        return work(*given)
    except StockwrightError as refusal:
        return type(refusal).__name__
    except Exception as error:
        return f"broke: {error!r}"


def is_broken(said: object) -> bool:
    return isinstance(said, str) and said.startswith("broke: ")


class Rivals:
    """Processes on one database.

    Args:
        url: Where.
        processes: How many.
        threads: Of each, with a connection of its own each.
    """

    def __init__(self, url: str, *, processes: int = 8, threads: int = 1) -> None:
        context = get_context("spawn")
        self._barrier = barrier = context.Barrier(processes * threads)  # kept, or it were gone before they begin
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_compete, args=(url, threads, barrier, theirs), daemon=True)
            process.start()
            theirs.close()
            self._ends.append(ours)
            self._processes.append(process)
        self._threads = threads

    def run(self, work: Callable[..., Any], given: Sequence[Sequence[Any]]) -> list[Any]:
        """Each thread calls `work(database, *given)` with what is given to it; the outcomes, in that order.

        Args:
            work: A function of a module, so that it can be sent.
            given: Arguments for each thread of each process.
        """
        for number, end in enumerate(self._ends):
            end.send((work, given[number * self._threads :][: self._threads]))
        return [said for end in self._ends for said in end.recv()]

    def close(self) -> None:
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join(30)

    def __enter__(self) -> Rivals:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _compete(url: str, threads: int, barrier: Barrier, end: Connection) -> None:
    database = open_database(url)
    while (message := end.recv()) is not None:
        work, given = message
        said: list[Any] = [None] * threads
        running = [
            Thread(target=_begin, args=(database, barrier, work, given[number], said, number))
            for number in range(threads)
        ]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        end.send(said)
    database.close()


def _begin(
    database: Database, barrier: Barrier, work: Callable[..., Any], given: Sequence[Any], said: list[Any], number: int
) -> None:
    with database.writing():  # a connection is made before the start, as a server would have one
        pass
    barrier.wait(60)
    said[number] = outcome(work, database, *given)
