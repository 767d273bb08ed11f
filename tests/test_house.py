"""The house stays as it is drawn: packages, layers, checkers, pinned versions, names and a quick command line."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("orders", "forecasting", "optimization", "simulation", "data", "service", "dashboard")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
CONTRACTS = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
BREACHES = {
    "Screens stand on services, services on orders, orders on data": ("data/errors.py", "import orders.money"),
    "Arrays in, results out: the numeric packages know nothing of ours": (
        "forecasting/accuracy.py",
        "import data.errors",
    ),
    "Tables and screens compute nothing: they do not import the numeric packages": (
        "dashboard/formats.py",
        "import optimization.eoq",
    ),
    "Forecasting, optimization and simulation stand alone": ("simulation/policies.py", "import forecasting.panel"),
}
HEAVY = {"numpy", "pandas", "scipy", "statsmodels", "streamlit", "pulp", "plotly", "pyarrow", "sqlalchemy"}
NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "processor"}


@pytest.fixture(scope="module")
def tracked():
    """The repository's files as git knows them, new ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip(f"these files are not in a git repository: {listed.stderr.strip()}")
    return [path for name in listed.stdout.split("\0") if name and (path := REPOSITORY / name).is_file()]


@pytest.fixture
def copied(tmp_path):
    """The packages and their settings once more, to break something in."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def checked(folder, *command):
    """A checker's exit code and what it said, run in that folder on the packages there."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def lint_imports(folder):
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return checked(folder, "-c", program, "--no-cache")


# Packages and layers


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_ours(package):
    assert Path(importlib.import_module(package).__file__).parent == REPOSITORY / package


def test_the_wheel_and_the_checkers_cover_every_package():
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)
    assert set(PROJECT["tool"]["mypy"]["files"]) >= set(PACKAGES)
    included = set(PROJECT["tool"]["setuptools"]["packages"]["find"]["include"])
    assert included == {name for package in PACKAGES for name in (package, f"{package}.*")}


def test_the_wheel_holds_every_file_of_the_packages(copied, tracked):
    for name in ("README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copied)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "out")
    built = checked(copied, "-m", "pip", "wheel", *options, ".")
    assert built[0] == 0, built[1]
    (wheel,) = (copied / "out").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    ours = {str(path.relative_to(REPOSITORY)) for path in tracked if path.relative_to(REPOSITORY).parts[0] in PACKAGES}
    assert ours - held == set()


def test_every_contract_is_kept():
    code, said = lint_imports(REPOSITORY)
    assert code == 0, said
    assert f"{len(CONTRACTS)} kept, 0 broken" in said


def test_every_contract_has_its_planted_breach():
    assert set(BREACHES) == set(CONTRACTS)


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_of_a_contract_is_caught_and_named(copied, contract):
    place, statement = BREACHES[contract]
    with (copied / place).open("a") as module:
        module.write(f"\n{statement}\n")
    code, said = lint_imports(copied)
    assert code == 1, said
    assert re.findall(r"^(.+) BROKEN$", said, re.MULTILINE) == [contract]


# Style and types


def test_types_are_checked_strictly_and_nothing_is_exempt():
    mypy = PROJECT["tool"]["mypy"]
    assert mypy["strict"] is True
    assert mypy["exclude"] == ["data/migrations/versions"]
    for override in mypy["overrides"]:
        assert not {one.partition(".")[0] for one in override["module"]} & set(PACKAGES)


def test_mypy_catches_a_planted_untyped_function(tmp_path):
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / "planted.py").write_text("def doubled(quantity):\n    return 2 * quantity\n")
    code, said = checked(tmp_path, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "planted.py")
    assert code == 1, said
    assert "[no-untyped-def]" in said


@pytest.mark.parametrize(
    ("rule", "planted"),
    [
        ("F401", "import json\n"),
        ("DTZ005", "from datetime import datetime\n\nNOW = datetime.now()\n"),
        ("B006", "def ordered(lines: list[int] = []) -> list[int]:\n    return lines\n"),
        ("NPY002", "import numpy as np\n\nLUCK = np.random.rand()\n"),
        ("PTH123", 'FILE = open("orders.csv")\n'),
        ("N802", "def Ordered() -> None: ...\n"),
    ],
)
def test_ruff_catches_a_planted_breach(tmp_path, rule, planted):
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "planted.py").write_text(planted)
    code, said = checked(tmp_path, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert code == 1, said
    assert rule in said


# Pinned versions


def pinned(name):
    """Package → (version, number of hashes) of a lock file; fails on a line that is anything else."""
    versions = {}
    requirement = None
    for line in (REPOSITORY / name).read_text().splitlines():
        if line.startswith("#"):
            continue
        if found := re.fullmatch(r"([a-z0-9][a-z0-9._-]*(?:\[[a-z0-9,-]+\])?)==([^\s;]+)( ; [^\\]+)? \\", line):
            requirement = (found[1], found[3])
            assert requirement not in versions, line
            versions[requirement] = [found[2], 0]
        else:
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), f"{name}: {line!r}"
            versions[requirement][1] += 1
    return versions


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_every_package_with_hashes_and_names_no_host(name):
    versions = pinned(name)
    assert len(versions) > 20
    assert all(hashes >= 1 for _, hashes in versions.values())
    text = (REPOSITORY / name).read_text()
    for host in ("http:", "https:", "://", "index-url", "--find-links", "file:"):
        assert host not in text


def test_both_locks_share_their_versions():
    runs, develops = pinned("requirements.lock"), pinned("requirements-dev.lock")
    of_dev = {}
    for (package, _), (version, _) in develops.items():
        of_dev.setdefault(package, set()).add(version)
    for (package, _), (version, _) in runs.items():
        assert version in of_dev[package], package


# Names and places


def test_no_tracked_file_names_this_machine_or_a_registry(tracked):
    forbidden = ["/".join(("", *parts)) for parts in (("work", ""), ("root", ""), ("tmp", "w"))] + [
        ".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted"), ("registry", "npmjs"))
    ]
    found = []
    for path in tracked:
        content = path.read_bytes()
        found.extend(f"{path.relative_to(REPOSITORY)}: {one}" for one in forbidden if one.encode() in content)
    assert found == []


def test_every_module_has_a_name_from_the_trade(tracked):
    named = [
        path.relative_to(REPOSITORY)
        for path in tracked
        if path.suffix == ".py"
        and NAMES_OF_NOTHING & {word for part in path.relative_to(REPOSITORY).parts for word in re.split(r"[._]", part)}
    ]
    assert named == []


def test_pages_do_not_stand_beside_the_dashboards_entry():
    beside = {path.stem for path in (REPOSITORY / "dashboard").glob("*.py")}
    assert not beside & set(PACKAGES)


def test_tests_hold_no_package():
    assert not list((REPOSITORY / "tests").rglob("__init__.py"))


# A quick command line


def test_help_answers_without_the_heavy_packages():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "service.cli", "--help"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "recommend" in done.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & HEAVY
