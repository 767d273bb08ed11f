"""What the order desk does: one use case for one click, said back, and taken back where that is possible."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Undo:
    """The use case that takes an action back, what it is asked, and the state that it is asked in."""

    use_case: Callable[..., Any]
    asked: tuple[Any, ...]
    state: str


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
    return use_case(queries.database(), *asked, key=key, actor=queries.actor(), at=queries.now(), **options)


def done(text: str, undo: Undo | None = None) -> None:
    """Say on the next run what was done, in plain text, and run the page again."""
    st.query_params.pop("do", None)
    st.session_state[_SAID] = (text, undo, _view())
    st.rerun()


def _view() -> str:
    """What is looked at: an order, a new one, or the whole desk."""
    return st.query_params.get("order", "new" if "new" in st.query_params else "")


def say_what_happened() -> None:
    """The last action and its way back, until the next one, or until another order is looked at."""
    refused = st.session_state.pop(_NOT_UNDONE, None)
    if refused:
        st.error(plain(refused))
    text, undo, view = st.session_state.get(_SAID, ("", None, None))
    if not text or view != _view():
        forget()
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[✓] {plain(text)}", width="stretch")
        if undo is not None:
            st.button("Undo", key="desk-undo", on_click=_take_back, args=(undo,))
        st.button("OK", key="desk-ok", type="tertiary", on_click=forget)


def forget() -> None:
    """Say no more what was done."""
    st.session_state.pop(_SAID, None)


def _take_back(undo: Undo) -> None:
    forget()
    try:
        run(undo.use_case, *undo.asked, state=undo.state)
    except StockwrightError as refusal:
        st.session_state[_NOT_UNDONE] = f"Not undone: {refusal}"
        return
    st.session_state[_SAID] = ("Undone.", None, _view())
