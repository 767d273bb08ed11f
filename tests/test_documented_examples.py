"""Every example in the documentation, and in the numeric packages' docstrings, prints what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import forecasting
import optimization
import simulation

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "\n>>> " in page.read_text(encoding="utf-8"))
MODULES = [
    module.name
    for package in (forecasting, optimization, simulation)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.fixture(autouse=True)
def same_figures_everywhere():
    with np.printoptions(legacy=False, precision=8, suppress=False, linewidth=75, threshold=1000):
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_a_page_print_what_it_says(page):
    result = doctest.testfile(
        str(page), module_relative=False, encoding="utf-8", optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_print_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
