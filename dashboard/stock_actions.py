"""What the inventory page does: one use case for one click, said back, and taken back by reversing movements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from dashboard.formats import count
from dashboard.order_actions import run
from dashboard.page_head import plain
from data.errors import StockwrightError
from orders.counting import Counted
from orders.receiving import Received
from orders.reserving import Freed, SoftlyReserved, release_reservation
from orders.stocking import Adjusted, Reversed, Transferred, reverse_move

_SAID, _NOT_UNDONE = "stock-said", "stock-not-undone"

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What was done.

    Attributes:
        text: In plain text.
        more: Lines of Markdown that follow.
        undo: The movements that taking it back reverses; none where that is not possible.
    """

    text: str
    more: tuple[str, ...] = ()
    undo: tuple[int, ...] = field(default=())


def form_key(form: str) -> str:
    """The name of a form's widgets until what it asks is done: then the next ones are others.

    A second click on a button that is gone is nobody's, and one that comes before has the same idempotency key.
    """
    return f"{form}-{st.session_state.setdefault(_turn(form), 0)}"


def _turn(form: str) -> str:
    return f"stock-turn-{form}"


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
        lines = [f":green[✓] {plain(said.text)}", *said.more]
        st.markdown("  \n".join(lines), width="stretch")
        if said.undo:
            what = "Books the same movements the other way; both stay in the ledger."
            st.button("Undo", key="stock-undo", on_click=_take_back, args=(said,), help=what)
        st.button("OK", key="stock-ok", type="tertiary", on_click=forget)


def forget() -> None:
    """Say no more what was done."""
    st.session_state.pop(_SAID, None)


def _take_back(said: Said) -> None:
    """Reverse each movement, the last first; what cannot be undone stays, and is named."""
    forget()
    left = list(said.undo)
    try:
        while left:
            run(reverse_move, left[-1], "undone on the page", state="undo")
            left.pop()
    except StockwrightError as refusal:
        done = len(said.undo) - len(left)
        some = f"{count(done, 'movement')} of {len(said.undo)} undone, the rest not" if done else "Not undone"
        st.session_state[_NOT_UNDONE] = f"{some}: {refusal}"
        return
    st.session_state[_SAID] = Said(f"Undone: {count(len(said.undo), 'movement')} reversed.")


# What was done, in words


def said_counted(place: str) -> Callable[[Counted], Said]:
    """Says a count back."""

    def say(counted: Counted) -> Said:
        changes = [line.counted - line.expected for line in counted.lines if line.counted != line.expected]
        more, fewer = sum(change for change in changes if change > 0), -sum(change for change in changes if change < 0)
        differing = f"{len(changes):,} differ (+{more:,} −{fewer:,} units)" if changes else "all as expected"
        lines = []
        for lost in counted.lost:
            name = f"[{plain(lost.order)}](/order_desk?order={lost.order_id})"
            lines.append(f"Order {name} waits again for {count(lost.units, 'unit')} of {plain(lost.sku)}")
        moves = tuple(line.move_id for line in counted.lines if line.move_id is not None)
        text = f"Counted {count(len(counted.lines), 'line')} at {place}: {differing}.{_served(counted.allocated)}"
        return Said(text, tuple(lines), moves)

    return say


def said_transferred(source: str, destination: str) -> Callable[[Transferred], Said]:
    """Says a transfer back."""

    def say(moved: Transferred) -> Said:
        units = sum(move.quantity for move in moved.moves)
        skus = {move.sku for move in moved.moves}
        what = next(iter(skus)) if len(skus) == 1 else count(len(skus), "SKU")
        text = f"Moved {count(units, 'unit')} of {what} from {source} to {destination}.{_served(moved.allocated)}"
        return Said(text, undo=tuple(move.id for move in moved.moves))

    return say


def said_adjusted(place: str, what: str) -> Callable[[Adjusted], Said]:
    """Says an adjustment back; `what` is Found, Written off or Scrapped."""

    def say(adjusted: Adjusted) -> Said:
        move = adjusted.move
        lot = f", lot {move.lot}" if move.lot else ""
        text = f"{what} {count(move.quantity, 'unit')} of {move.sku}{lot} at {place}.{_served(adjusted.allocated)}"
        return Said(text, undo=(move.id,))

    return say


def said_received(received: Received) -> Said:
    """Says a receipt back."""
    units = sum(move.quantity for move in received.moves)
    rest = "it is complete" if received.status == "received" else "more of it is to come"
    place = received.moves[0].destination if received.moves else ""
    text = f"Received {count(units, 'unit')} of {received.number} at {place}; {rest}.{_served(received.allocated)}"
    return Said(text, undo=tuple(move.id for move in received.moves))


def said_reversed(reversed_: Reversed) -> Said:
    """Says a reversal back."""
    move = reversed_.move
    opened = f" Purchase order {reversed_.reopened} is open again." if reversed_.reopened else ""
    back = f"{count(move.quantity, 'unit')} of {move.sku} back from {move.source} to {move.destination}"
    return Said(f"Reversed movement {reversed_.reverses_id}: {back}.{opened}{_served(reversed_.allocated)}")


def said_reserved(purpose: str) -> Callable[[SoftlyReserved], Said]:
    """Says a soft reservation back."""

    def say(kept: SoftlyReserved) -> Said:
        places = ", ".join(dict.fromkeys(part.location for part in kept.units))
        units = sum(part.quantity for part in kept.units)
        return Said(f"Kept {count(units, 'unit')} of {kept.sku} at {places} for {purpose}.")

    return say


def said_freed(what: str) -> Callable[[Freed], Said]:
    """Says back that reservations ended; `what` names them."""

    def say(freed: Freed) -> Said:
        return Said(f"{what}: {count(freed.units, 'unit')} free again.{_served(freed.allocated)}")

    return say


def _served(allocated: int) -> str:
    return f" Orders that waited got {count(allocated, 'unit')}." if allocated else ""


def release(ids: Sequence[int]) -> None:
    """End soft reservations one after the other and say what came of it; the first refusal ends the work."""
    units = allocated = 0
    for number in ids:
        try:
            freed = run(release_reservation, number, state="release")
        except StockwrightError as refusal:
            st.error(plain(str(refusal)))
            return
        units, allocated = units + freed.units, allocated + freed.allocated
    st.session_state[_SAID] = said_freed(f"Released {count(len(ids), 'reservation')}")(Freed(units, allocated))
    st.rerun()
