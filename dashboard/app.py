"""The dashboard: navigation only. Run it with `python -m streamlit run dashboard/app.py`."""

from pathlib import Path

import streamlit as st

ICON = str(Path(__file__).parent / "static" / "icon.png")

st.set_page_config(page_title="Stockwright", page_icon=ICON, layout="wide")
st.logo(ICON)
st.navigation(
    [
        st.Page("pages/today.py", title="Today", default=True),
        st.Page("pages/recommendations.py", title="Recommendations"),
        st.Page("pages/item.py", title="Item"),
        st.Page("pages/terms.py", title="Terms"),
    ],
    position="top",
).run()
