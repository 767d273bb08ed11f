"""Every notebook runs in a fresh kernel and answers its question with figures that hold."""

import os
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

REPOSITORY = Path(__file__).parent.parent
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def executed():
    """Runs a notebook, once for all tests, and gives it with its outputs."""
    from nbclient import NotebookClient

    known = {}

    def execute(path):
        if path not in known:
            notebook = nbformat.read(path, as_version=4)
            where = {"metadata": {"path": str(REPOSITORY)}}
            NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
            known[path] = notebook
        return known[path]

    return execute


def takes_screenshots():
    return os.environ.get("STOCKWRIGHT_SCREENSHOTS") == "1"


@pytest.fixture(autouse=True)
def our_packages_in_the_kernel(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    if not takes_screenshots():
        monkeypatch.delenv("STOCKWRIGHT_DATABASE_URL", raising=False)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def photographed(notebook, image, folder):
    """Takes the notebook's last picture as a browser shows it."""
    import plotly.graph_objects as go

    drawn = code_cells(notebook)[-2].outputs[-1].data["application/vnd.plotly.v1+json"]
    figure = go.Figure(data=drawn["data"], layout=drawn["layout"])
    page = folder / "picture.html"
    figure.write_html(page, config={"displayModeBar": False}, default_width="1000px")
    size = f"--window-size=1000,{int(figure.layout.height) + 16}"
    quiet = ("--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=5000")
    subprocess.run(["chromium", *quiet, size, f"--screenshot={image}", page.as_uri()], check=True, capture_output=True)


def last_sentence(notebook):
    return code_cells(notebook)[-1].outputs[-1].text.strip()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_one_question_and_defines_nothing(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].source.startswith("# ")
    assert notebook.cells[0].source.partition("\n")[0].endswith("?")
    assert not any(re.search(r"^\s*(def|class) ", cell.source, re.MULTILINE) for cell in code_cells(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_ends_in_a_picture_and_a_sentence(path, executed):
    *_, picture, answer = code_cells(executed(path))
    assert "application/vnd.plotly.v1+json" in picture.outputs[-1].data
    assert [output.output_type for output in answer.outputs] == ["stream"]
    assert answer.outputs[0].text.strip().endswith(".")
    assert answer.outputs[0].text.count("\n") == 1


def test_doubled_lead_times_cost_service_and_planning_for_them_buys_some_back(executed):
    sentence = last_sentence(executed(REPOSITORY / "notebooks" / "lead_time_doubles.ipynb"))
    base, doubled, adapted = (float(share) for share in re.findall(r"([\d.]+)%", sentence))
    more, less = (int(amount.replace(",", "")) for amount in re.findall(r"EUR ([\d,]+)", sentence))
    assert 100 >= base > adapted > doubled > 0
    assert more > less > 0


def test_a_failing_supplier_costs_demand_and_margin(executed):
    sentence = last_sentence(executed(REPOSITORY / "notebooks" / "supplier_fails.ipynb"))
    then, usual = (float(share) for share in re.findall(r"([\d.]+)%", sentence))
    change, width = map(float, re.search(r"\(([+-][\d.]+) ± ([\d.]+) points\)", sentence).groups())
    lost, spread = (float(one.replace(",", "")) for one in re.search(r"EUR ([\d,]+) ± ([\d,]+)", sentence).groups())
    assert 0 < then < usual <= 100
    assert change + width < 0
    assert lost - spread > 0


def test_a_later_cut_off_promises_more_and_keeps_less_until_the_shift_is_later_too(executed):
    sentence = last_sentence(executed(REPOSITORY / "notebooks" / "same_day_cut_off.ipynb"))
    more, less, later, today, mended = (float(share) for share in re.findall(r"([\d.]+)%", sentence))
    assert 100 > more > less > 0
    assert 100 >= today > later > 0
    assert mended > later
    assert float(re.search(r"([+-][\d.]+) ± ", sentence).group(1)) < 0


def test_free_returns_need_more_orders_to_pay_for_themselves(executed):
    sentence = last_sentence(executed(REPOSITORY / "notebooks" / "free_returns.ipynb"))
    doubled, before, even = (float(share) for share in re.findall(r"([\d.]+)%", sentence))
    less, width = (float(one.replace(",", "")) for one in re.search(r"EUR ([\d,]+) ± ([\d,]+)", sentence).groups())
    assert doubled == pytest.approx(2 * before, rel=0.15)
    assert less > width > 0
    assert 0 < even < 100


def test_an_item_is_followed_from_its_orders_to_a_reorder_point_above_what_is_expected(executed):
    notebook = executed(REPOSITORY / "notebooks" / "one_item_to_lead_time_demand.ipynb")
    sentence = last_sentence(notebook)
    expected, reorder_point, kept, days, held = re.search(
        r"([\d.,]+) of .* are expected; the reorder point of ([\d,]+) .* at least ([\d.]+)%,"
        r" .* said at (\d+) past days (\d+) held",
        sentence,
    ).groups()
    assert float(reorder_point.replace(",", "")) > float(expected.replace(",", "")) > 0
    assert 50 <= float(kept) <= 99.99
    assert int(days) >= int(held) >= int(days) - 1
    assert not [output for cell in code_cells(notebook) for output in cell.outputs if output.get("name") == "stderr"]


def test_levels_of_the_demo_companys_forecasts_hold_as_often_as_they_say(executed, tmp_path):
    notebook = executed(REPOSITORY / "notebooks" / "is_the_forecast_calibrated.ipynb")
    if takes_screenshots():
        photographed(notebook, REPOSITORY / "docs" / "images" / "calibration.png", tmp_path)
    sentence = last_sentence(notebook)
    days, at_95, error_95, at_99, error_99 = map(
        float,
        re.search(
            r"At (\d+) past days the 95 % level held in ([\d.]+)% \(± ([\d.]+)%\)"
            r" and the 99 % level in ([\d.]+)% \(± ([\d.]+)%\)",
            sentence,
        ).groups(),
    )
    held, levels = map(int, re.search(r"(\d+) of (\d+) levels hold", sentence).groups())
    assert days >= 4
    assert at_95 + error_95 >= 95
    assert at_99 + error_99 >= 99
    assert at_95 < at_99 <= 100
    assert levels >= held >= 0.75 * levels
