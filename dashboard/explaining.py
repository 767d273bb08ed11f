"""Why this number: a recommendation's arithmetic, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import charts
from dashboard.formats import money, share, units
from dashboard.page_head import plain

Line = Mapping[str, Any]


def explain(line: Line, currency: str) -> None:
    """What to order, the picture, the steps, and what was assumed."""
    is_order = line["order_quantity"] > 0
    what = f"Order {line['order_quantity']:,}" if is_order else "Order nothing"
    st.markdown(f"#### {what} · {plain(line['sku'])}")
    supplier = line["supplier"] or "no known supplier"
    st.markdown(plain(f"{line['name']} at {line['location']}, from {supplier}"))
    st.plotly_chart(charts.position(line), config=charts.CONFIG, key="position")
    st.markdown(arithmetic(line, currency))
    with st.container(horizontal=True, gap="xsmall"):
        for assumed in line["assumptions"]:
            st.badge(plain(assumed), color="orange")
        if not line["assumptions"]:
            st.badge("All measured: stock counted, lead time from receipts, cost from the item", color="green")
    target = {"sku": line["sku"], "location": line["location"]}
    st.page_link(
        "screens/item.py",
        label=f":primary[History, forecast and stock of {plain(line['sku'])}]",
        query_params=target,
    )


def arithmetic(line: Line, currency: str) -> str:
    """The recommendation step by step, as a Markdown table."""
    numbers = line["numbers"]
    lead, review = numbers["lead_time_days"], numbers["protection_days"] - numbers["lead_time_days"]
    is_order = line["order_quantity"] > 0
    compared = "at or below" if line["inventory_position"] <= line["reorder_point"] else "above"
    lot = [f"at least {numbers['moq']:,}"] if numbers["moq"] > 1 else []
    lot += [f"packs of {numbers['pack_size']:,}"] if numbers["pack_size"] > 1 else []
    order_up_to, position = line["order_up_to_level"], line["inventory_position"]
    in_packs = ", in whole packs" if numbers["pack_size"] > 1 else ""
    mean, sd = units(numbers["demand_over_protection"]), units(numbers["demand_sd_over_protection"])
    steps = [
        (
            "Position",
            f"**{line['inventory_position']:,}**",
            f"{line['on_hand']:,} on hand + {line['on_order']:,} on order − {line['unshipped']:,} to ship",
        ),
        (
            "Demand",
            f"{mean}\u00a0±\u00a0{sd}",
            f"{units(numbers['weekly_rate'])} a week × {numbers['protection_days']:.0f} days (lead time {lead:.0f}"
            f" ± {numbers['lead_time_sd_days']:.0f}, review {review:.0f})",
        ),
        (
            "Safety stock",
            units(line["safety_stock"]),
            f"against that ±; meets {share(numbers['fill_rate'])} of demand",
        ),
        ("Reorder point", f"**{line['reorder_point']:,}**", f"demand + safety stock; position is {compared}"),
        (
            "Order up to",
            f"{line['order_up_to_level']:,}",
            f"reorder point + lot of {numbers['lot_size']:,}{' (' + ', '.join(lot) + ')' if lot else ''}",
        ),
        (
            "**Order**",
            f"**{line['order_quantity']:,}**",
            f"{order_up_to:,} − {position:,}{in_packs}:"
            f" {money(line['order_value'], currency)} at {line['unit_cost']:,.2f}"
            if is_order
            else "nothing until the reorder point is reached",
        ),
    ]
    if numbers.get("why_not_more"):
        steps.insert(4, ("Why not more", "", numbers["why_not_more"]))
    rows = "\n".join(f"| {name} | {value} | :small[:gray[{says}]] |" for name, value, says in steps)
    return f"| Step | Units | From |\n|:--|--:|:--|\n{rows}"
