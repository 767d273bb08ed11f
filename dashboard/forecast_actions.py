"""What the forecasts page does: one use case for one click, said back, and taken back by the one that undoes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from dashboard.order_actions import Undo, run
from dashboard.page_head import plain
from data.errors import StockwrightError

_SAID, _NOT_UNDONE = "forecasts-said", "forecasts-not-undone"

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What was done, in plain text, and the way back."""

    text: str
    undo: Undo | None = None


def form_key(form: str) -> str:
    """The name of a form's widgets until what it asks is done: then the next ones are others."""
    return f"{form}-{st.session_state.setdefault(_turn(form), 0)}"


def _turn(form: str) -> str:
    return f"forecasts-turn-{form}"


def act(form: str, use_case: Callable[..., T], *asked: Any, say: Callable[[T], Said]) -> None:
    """Run what a form asks, say what was done and run the page again; a refusal is shown as one line here."""
    try:
        answer = run(use_case, *asked, state=form_key(form))
    except StockwrightError as refusal:
        st.error(plain(str(refusal)))
        return
    st.session_state[_turn(form)] += 1
    st.session_state[_SAID] = say(answer)
    st.rerun()


def say_what_happened() -> None:
    """The last action and its way back, until the next one."""
    refused = st.session_state.pop(_NOT_UNDONE, None)
    if refused:
        st.error(plain(refused))
    said: Said | None = st.session_state.get(_SAID)
    if said is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[✓] {plain(said.text)}", width="stretch")
        if said.undo is not None:
            st.button("Undo", key="forecasts-undo", on_click=_take_back, args=(said.undo,))
        st.button("OK", key="forecasts-ok", type="tertiary", on_click=forget)


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
    st.session_state[_SAID] = Said("Undone.")
