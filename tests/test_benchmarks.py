"""Every benchmark keeps the convention: two flags, and claims that say truthfully whether they held."""

import json
import operator
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PARTS = re.search(r"^BENCH_PARTS := (.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)[1].split()
SCRIPTS = sorted(path for path in (REPOSITORY / "benchmarks").glob("*.py") if path.name not in PARTS)
KEYS = {"claim", "ours", "peer", "unit", "ratio", "wanted", "holds", "n"}
COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def started(script, *arguments):
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "benchmarks")))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


SMALLEST = """
from measure import Claim, Figure, alternately, run

def benchmark(quick):
    ours, peer = alternately(lambda: sum(range(99)), lambda: sorted(range(99)), rounds=1 if quick else 9)
    kept = Claim("a sum beside a sorted list", ours, peer, "s", "<= 1e9", 99)
    return [kept, Claim("two of three", Figure.exactly(2.0), None, "of them", ">= 3", 3)]

run("The smallest benchmark.", benchmark)
"""


@pytest.fixture(scope="module")
def claims(tmp_path_factory):
    """What the smallest benchmark claims."""
    script = tmp_path_factory.mktemp("benchmarks") / "smallest.py"
    script.write_text(SMALLEST)
    process = started(script, "--quick", "--json")
    printed, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return json.loads(printed)


def test_a_benchmark_prints_a_list_of_claims(claims):
    assert claims
    for claim in claims:
        assert set(claim) == KEYS
        assert claim["claim"]
        assert claim["unit"]
        assert claim["n"] > 0


def test_a_claim_that_was_not_kept_says_so(claims):
    assert [claim["holds"] for claim in claims] == [True, False]


def test_the_ratio_is_ours_over_the_peers(claims):
    assert any(claim["peer"] for claim in claims)
    for claim in claims:
        expected = None if claim["peer"] is None else pytest.approx(claim["ours"] / claim["peer"])
        assert claim["ratio"] == expected


def test_a_claim_holds_where_it_kept_what_was_wanted(claims):
    for claim in claims:
        comparison, bound = claim["wanted"].split()
        reached = claim["ours"] if claim["peer"] is None else claim["ratio"]
        assert claim["holds"] is COMPARISONS[comparison](reached, float(bound))


def test_every_script_takes_quick_and_json():
    assert len(SCRIPTS) >= 5
    running = {script.name: started(script, "--help") for script in SCRIPTS}
    for name, process in running.items():
        printed, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, f"{name}: {complaints}"
        assert "--quick" in printed, name
        assert "--json" in printed, name
