"""What the order desk does: one use case for one click, said back, and taken back where that is possible."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import streamlit as st

from dashboard import queries
from dashboard.approving import nonce
from dashboard.page_head import plain
from data.errors import StockwrightError

_SAID, _NOT_UNDONE = "desk-said", "desk-not-undone"

T = TypeVar("T")

_running = threading.local()
"""What this thread's run of the page may write down without touching the session (see `_Said`)."""


@dataclass(frozen=True)
class Undo:
    """The use case that takes an action back, what it is asked, and the state that it is asked in."""

    use_case: Callable[..., Any]
    asked: tuple[Any, ...]
    state: str


@dataclass
class _Said:
    """What was done, kept in the session.

    Any access to the session may end the run of a page in favour of the next click's. A double click would
    thus silence what the first click did, since nobody hears of it but through the session. So this object is
    fetched before the use case is carried out, and written to without the session's knowledge.

    Attributes:
        text: In words, empty when there is nothing to say.
        undo: The way back.
        view: What was looked at.
    """

    text: str = ""
    undo: Undo | None = None
    view: str = ""


def _said() -> _Said:
    said: _Said = st.session_state.setdefault(_SAID, _Said())
    return said


def carry_out(use_case: Callable[..., T], *asked: Any, state: str, **options: Any) -> T | None:
    """Run a use case; a refusal is shown as one line where the click was made, and None comes back.

    Args:
        use_case: `verb(database, *asked, key, actor, at, **options)`.
        asked: The request; its `repr` tells requests apart.
        state: What the click was made on: the same for both clicks of a double click, another one afterwards.
        options: More of the request.
    """
    try:
        return run(use_case, *asked, state=state, **options)
    except StockwrightError as refusal:
        st.error(plain(str(refusal)))
        return None


def succeeds(use_case: Callable[..., None], *asked: Any, state: str) -> bool:
    """As `carry_out`, for a use case that answers nothing: whether it was done."""
    try:
        run(use_case, *asked, state=state)
    except StockwrightError as refusal:
        st.error(plain(str(refusal)))
        return False
    return True


def run(use_case: Callable[..., T], *asked: Any, state: str, **options: Any) -> T:
    """The same, but a refusal is raised."""
    wanted = sha256(repr((state, asked, sorted(options.items()))).encode()).hexdigest()
    key = f"dashboard:{nonce()}:{use_case.__name__}:{wanted}"
    _running.said, _running.view = _said(), _view()
    return use_case(queries.database(), *asked, key=key, actor=queries.actor(), at=queries.now(), **options)


def done(text: str, undo: Undo | None = None) -> None:
    """Say on the next run what was done, in plain text, and run the page again."""
    said: _Said = _running.said
    said.text, said.undo, said.view = text, undo, _running.view
    st.query_params.pop("do", None)
    said.view = _view()
    st.rerun()


def _view() -> str:
    """What is looked at: an order, a new one, or the whole desk."""
    return st.query_params.get("order", "new" if "new" in st.query_params else "")


def say_what_happened() -> None:
    """The last action and its way back, until the next one, or until another order is looked at."""
    refused = st.session_state.pop(_NOT_UNDONE, None)
    if refused:
        st.error(plain(refused))
    said = _said()
    if not said.text or said.view != _view():
        forget()
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[✓] {plain(said.text)}", width="stretch")
        if said.undo is not None:
            st.button("Undo", key="desk-undo", on_click=_take_back, args=(said.undo,))
        st.button("OK", key="desk-ok", type="tertiary", on_click=forget)


def forget() -> None:
    """Say no more what was done."""
    said = _said()
    said.text, said.undo = "", None


def _take_back(undo: Undo) -> None:
    forget()
    try:
        run(undo.use_case, *undo.asked, state=undo.state)
    except StockwrightError as refusal:
        st.session_state[_NOT_UNDONE] = f"Not undone: {refusal}"
        return
    said = _said()
    said.text, said.view = "Undone.", _view()
