"""Every notebook runs in a fresh kernel and answers its question with figures that hold."""

import re
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


@pytest.fixture(autouse=True)
def our_packages_in_the_kernel(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.delenv("STOCKWRIGHT_DATABASE_URL", raising=False)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


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
