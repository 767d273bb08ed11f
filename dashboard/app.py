"""The dashboard: navigation only. Run it with `python -m streamlit run dashboard/app.py`.

The pages are in `screens/`: a folder named `pages` beside this script would be served by Streamlit itself, without
what is set here, to whoever opens a link to one of them before anybody has opened the start page.
"""

from pathlib import Path

import streamlit as st

ICON = str(Path(__file__).parent / "static" / "icon.png")

st.set_page_config(page_title="Stockwright", page_icon=ICON, layout="wide")
st.logo(ICON)
st.navigation(
    [
        st.Page("screens/today.py", title="Today", default=True),
        st.Page("screens/recommendations.py", title="Recommendations"),
        st.Page("screens/policy.py", title="Policy"),
        st.Page("screens/what_if.py", title="What-if"),
        st.Page("screens/item.py", title="Item"),
        st.Page("screens/forecasts.py", title="Forecasts"),
        st.Page("screens/order_desk.py", title="Order desk"),
        st.Page("screens/inventory.py", title="Inventory"),
        st.Page("screens/terms.py", title="Terms"),
    ],
    position="top",
).run()
