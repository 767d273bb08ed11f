"""What the documentation says can be done, can be done: commands, options, targets, links and pictures exist."""

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from orders.lifecycle import document
from service.cli import app

REPOSITORY = Path(__file__).parent.parent
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
COMMANDS = get_command(app)
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def command_paths(command, path=()):
    """Every command that does something, as the words that call it."""
    if not hasattr(command, "commands"):
        yield path
        return
    for name, one in command.commands.items():
        yield from command_paths(one, (*path, name))


def code_of(page):
    """Every line of a fenced block and every span of code, as (line, is it from a block)."""
    text = page.read_text()
    blocks = re.findall(r"^ *```[^\n]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from ((line.strip(), True) for line in block.replace("\\\n", " ").splitlines())
    without_blocks = re.sub(r"^ *```[^\n]*\n.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`]+)`", without_blocks):
        yield " ".join(span.split()), False


def calls(page, program):
    """The words after the program in each code that calls it."""
    for line, _ in code_of(page):
        words = shlex.split(line, comments=True) if line.startswith(f"{program} ") else []
        if words:
            yield words[1:]


@pytest.mark.parametrize("path", list(command_paths(COMMANDS)), ids=" ".join)
def test_every_command_is_documented(path):
    wanted = ("stockwright", *path)
    said = [" ".join(page.read_text().split()) for page in PAGES if page.name == "README.md" or "docs" in page.parts]
    assert any(re.search(rf"{' '.join(wanted)}\b", text) for text in said)


@pages
def test_every_documented_command_exists_with_its_options(page):
    for words in calls(page, "stockwright"):
        command, rest = COMMANDS, list(words)
        while hasattr(command, "commands"):
            assert rest, f"stockwright {' '.join(words)} names no command"
            assert rest[0] in command.commands, f"stockwright {' '.join(words)}"
            command = command.commands[rest.pop(0)]
        options = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
        named = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert named <= options, f"stockwright {' '.join(words)}"


@pages
def test_every_documented_command_of_a_block_can_be_typed(page):
    for line, is_block in code_of(page):
        if is_block and line.startswith("stockwright "):
            command, rest = COMMANDS, shlex.split(line, comments=True)[1:]
            while hasattr(command, "commands"):
                command = command.commands[rest.pop(0)]
            command.make_context(command.name, rest)


@pages
def test_every_documented_make_target_and_variable_exists(page):
    for words in calls(page, "make"):
        for word in words:
            name, is_variable, _ = word.partition("=")
            if is_variable:
                assert f"$({name})" in MAKEFILE or f"$(if $({name})" in MAKEFILE, f"make {' '.join(words)}"
            elif re.fullmatch(r"[a-z-]+", word):
                assert word in TARGETS, f"make {' '.join(words)}"


@pages
def test_every_documented_script_exists(page):
    for line, _ in code_of(page):
        for script in re.findall(r"(?<![\w/.])((?:benchmarks|notebooks)/[\w.]+\.(?:py|ipynb))", line):
            assert (REPOSITORY / script).is_file(), line


@pages
def test_every_link_and_picture_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}


@pages
def test_no_placeholder_is_left(page):
    assert not re.search(r"@@\w+@@|TODO|FIXME|\bTBD\b", page.read_text())


def test_the_state_diagrams_are_those_that_the_code_obeys():
    page = REPOSITORY / "docs" / "states.md"
    if os.environ.get("STOCKWRIGHT_WRITE_DOCS") == "1":
        page.write_text(document(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == document()
