"""The dashboard in a real browser: nothing breaks or leaves the machine, links reproduce views, approval acts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from data.connection import open_database
from data.schema import purchase_order, purchase_order_line
from orders.model import Actor
from service.demo import make_demo_company
from service.planning import make_plan

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).parent.parent
ACTOR, NOW = Actor("tester"), datetime(2025, 6, 30, 16, tzinfo=UTC)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run",
)  # fmt: skip
SETTLED = """() =>
  document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'
  && !document.querySelector('[data-testid=stSkeleton]')"""
PATIENCE_MS = 60_000


def takes_screenshots() -> bool:
    return os.environ.get("STOCKWRIGHT_SCREENSHOTS") == "1"


@pytest.fixture(scope="module")
def database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planned demo company: small, or whole with its proof when its picture is taken."""
    path = tmp_path_factory.mktemp("browser") / "demo.db"
    prepared = os.environ.get("STOCKWRIGHT_SCREENSHOT_DATABASE")
    if prepared:
        shutil.copy(prepared, path)
        return path
    days, skus = (550, 400) if takes_screenshots() else (200, 40)
    database = open_database(f"sqlite:///{path}")
    make_demo_company(database, end=date(2025, 6, 30), days=days, skus=skus, actor=ACTOR, at=NOW)
    make_plan(database, actor=ACTOR, at=NOW)
    if takes_screenshots():
        from service.proof import prove

        prove(database, actor=ACTOR, at=NOW)
    database.close()
    return path


@contextmanager
def serving(command: str, database_file: Path, log: Path) -> Iterator[str]:
    """The address of a command that serves the dashboard of a database, which it is told relatively."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "service.cli", command, "--database", f"sqlite:///{database_file.name}",
             "--port", str(port), "--no-browser"],
            cwd=database_file.parent,
            env=os.environ | {"STOCKWRIGHT_ACTOR": "planner", "PYTHONPATH": str(REPOSITORY)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield _ready_address(server, log)
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def served(database_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The demo command on a database that is there already: its address and what it printed."""
    log = tmp_path_factory.mktemp("server") / "demo.log"
    with serving("demo", database_file, log) as address:
        yield address, log.read_text()


@pytest.fixture(scope="module")
def address(served: tuple[str, str]) -> str:
    return served[0]


def _ready_address(server: subprocess.Popen[bytes], log: Path) -> str:
    """What stands behind `Dashboard ready:`, once it does."""
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        ready = [line for line in log.read_text().splitlines() if line.startswith("Dashboard ready: ")]
        if ready:
            return ready[0].removeprefix("Dashboard ready: ")
        time.sleep(0.1)
    pytest.fail(f"the dashboard is not ready: {log.read_text()}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class Visitor:
    """A browser page that remembers what went wrong and where it called."""

    page: Any
    address: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self.errors.append(said.text) if self._is_ours(said) else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda sent: self.outside.append(sent.url) if self._is_outside(sent.url) else None)

    def _is_ours(self, said: Any) -> bool:
        # On a page below the root, Streamlit looks for its server below that page first and then at the root.
        return said.type == "error" and "/_stcore/" not in str(said.location)

    def _is_outside(self, url: str) -> bool:
        return not url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:"))

    def open(self, path: str, question: str) -> None:
        self.page.goto(f"{self.address}/{path}")
        self.page.get_by_role("heading", name=question).wait_for(timeout=PATIENCE_MS)
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_function(SETTLED, timeout=PATIENCE_MS)

    def wait_for_pictures(self, count: int) -> None:
        self.page.wait_for_function(
            "wanted => document.querySelectorAll('.js-plotly-plot .barlayer').length > 0"
            " && document.querySelectorAll('.js-plotly-plot .main-svg').length >= wanted",
            arg=count,
            timeout=PATIENCE_MS,
        )

    def picture(self, path: Path) -> None:
        self.page.screenshot(path=str(path), animations="disabled")
        assert path.stat().st_size > 20_000

    def assert_all_well(self) -> None:
        assert self.page.locator("[data-testid=stException]").count() == 0
        assert self.errors == []
        assert self.outside == []


@pytest.fixture
def visitor(chromium: Any, address: str) -> Iterator[Visitor]:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 1000}, color_scheme="light", locale="en-GB", timezone_id="Europe/Berlin"
    )
    visitor = Visitor(context.new_page(), address)
    visitor.watch()
    yield visitor
    context.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return REPOSITORY / "docs" / "images" if takes_screenshots() else tmp_path


def test_the_demo_command_keeps_a_database_that_holds_orders(served, database_file):
    address, printed = served
    assert address.startswith("http://localhost:")
    assert "holds orders already and is kept as it is" in printed
    assert [path.name for path in database_file.parent.glob("*.db")] == [database_file.name]


def test_the_first_visitor_of_all_may_follow_a_link_to_a_page(
    chromium: Any, database_file: Path, tmp_path: Path
) -> None:
    with serving("dashboard", database_file, tmp_path / "dashboard.log") as address:
        visitor = Visitor(chromium.new_page(viewport={"width": 1440, "height": 1000}), address)
        visitor.watch()
        visitor.open("recommendations", "What should I order today, and why?")
        titles = visitor.page.get_by_test_id("stTopNavLink").all_inner_texts()
        visitor.assert_all_well()
    assert titles == re.findall(
        r"screens/\w+\.py\", title=\"([^\"]+)\"", (REPOSITORY / "dashboard" / "app.py").read_text()
    )


def test_today_opens_whole(visitor: Visitor, folder: Path) -> None:
    visitor.open("", "What needs me today?")
    visitor.page.get_by_text("Do next").wait_for()
    visitor.wait_for_pictures(2)
    visitor.picture(folder / "today.png")
    visitor.assert_all_well()


def test_recommendations_open_whole(visitor: Visitor, folder: Path) -> None:
    visitor.open("recommendations", "What should I order today, and why?")
    visitor.page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
    visitor.wait_for_pictures(2)
    visitor.picture(folder / "recommendations.png")
    visitor.assert_all_well()


def test_policy_opens_whole(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open("policy?target=90", "What does service cost?")
    visitor.page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
    visitor.page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(timeout=PATIENCE_MS)
    assert visitor.page.get_by_test_id("stSliderThumbValue").inner_text() == "90.0 %"
    visitor.picture(tmp_path / "policy.png")
    visitor.assert_all_well()


def test_what_if_opens_whole_from_its_link(visitor: Visitor, folder: Path) -> None:
    visitor.open("what_if?lead_time=2", "What if something were different?")
    visitor.page.get_by_text("With lead times × 2, demand met by value goes from").wait_for(timeout=PATIENCE_MS)
    visitor.wait_for_pictures(3)
    visitor.picture(folder / "what_if.png")
    visitor.assert_all_well()


def test_item_opens_whole(visitor: Visitor, folder: Path) -> None:
    visitor.open("item", "How does this item sell, and how will its stock go?")
    visitor.wait_for_pictures(2)
    visitor.picture(folder / "item.png")
    visitor.assert_all_well()
    assert "sku=" in visitor.page.url
    assert "location=" in visitor.page.url


def test_forecasts_open_whole(visitor: Visitor, folder: Path) -> None:
    visitor.open("forecasts", "Can I trust the forecast?")
    visitor.page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
    visitor.wait_for_pictures(3)
    visitor.picture(folder / "forecasts.png")
    visitor.assert_all_well()


def test_choosing_an_item_opens_its_forecasts_and_puts_it_into_the_url(visitor: Visitor) -> None:
    visitor.open("forecasts", "Can I trust the forecast?")
    table = visitor.page.locator("[data-testid=stDataFrame] canvas").first
    table.scroll_into_view_if_needed()
    heading = visitor.page.locator("[data-testid=stColumn] h4").filter(has_text=" · ").first
    first = heading.inner_text()
    box = table.bounding_box()
    visitor.page.mouse.click(box["x"] + 18, box["y"] + 36 + 33 * 2 + 16)  # the tick of the third row
    visitor.page.wait_for_url("**sku=**", timeout=PATIENCE_MS)
    visitor.settle()
    visitor.page.wait_for_function(
        "before => [...document.querySelectorAll('h4')].some(one => one.innerText.includes(' · ')"
        " && one.innerText !== before)",
        arg=first,
        timeout=PATIENCE_MS,
    )
    chosen = heading.inner_text()
    visitor.page.reload()
    visitor.page.get_by_role("heading", name=chosen).wait_for(timeout=PATIENCE_MS)
    visitor.assert_all_well()


def test_terms_open_whole(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open("terms", "On what does the plan rest?")
    visitor.page.get_by_role("button", name="Save terms").wait_for()
    visitor.picture(tmp_path / "terms.png")
    visitor.assert_all_well()


def test_a_step_from_today_leads_to_the_lines_it_speaks_of(visitor: Visitor) -> None:
    visitor.open("?show=order", "What needs me today?")
    title = visitor.page.get_by_text("from", exact=False).filter(has_text="Order").first.inner_text()
    visitor.page.get_by_text("Review and approve").first.click()
    visitor.page.get_by_role("heading", name="What should I order today, and why?").wait_for(timeout=PATIENCE_MS)
    visitor.settle()
    supplier = title.splitlines()[0].partition(" from ")[2]
    assert visitor.page.locator("[data-testid=stMultiSelect]").first.get_by_text(supplier).is_visible()
    visitor.assert_all_well()


def test_a_deep_link_reproduces_the_view(visitor: Visitor) -> None:
    visitor.open("recommendations?state=nothing+to+order&q=OUT", "What should I order today, and why?")
    assert visitor.page.get_by_role("textbox", name="Search").input_value() == "OUT"
    visitor.page.get_by_text("Order nothing · OUT").wait_for()
    visitor.page.reload()
    visitor.page.get_by_text("Order nothing · OUT").wait_for(timeout=PATIENCE_MS)
    assert "state=nothing" in visitor.page.url
    visitor.assert_all_well()


def test_a_choice_on_the_page_is_put_into_the_url(visitor: Visitor) -> None:
    visitor.open("recommendations", "What should I order today, and why?")
    visitor.page.get_by_role("textbox", name="Search").fill("LIG")
    visitor.page.get_by_role("textbox", name="Search").press("Enter")
    visitor.page.wait_for_url("**q=LIG**", timeout=PATIENCE_MS)
    visitor.page.get_by_text("nothing to order (", exact=False).click()
    visitor.page.wait_for_url("**state=nothing**", timeout=PATIENCE_MS)
    visitor.settle()
    visitor.assert_all_well()


def test_approving_in_the_browser_makes_a_draft_and_undo_takes_it_back(visitor: Visitor, database_file: Path) -> None:
    visitor.open("recommendations", "What should I order today, and why?")
    button = visitor.page.get_by_role("button", name="Approve").filter(has_not_text="all shown").last
    button.dblclick()
    visitor.page.get_by_text("Approved 1 line: draft purchase order").wait_for(timeout=PATIENCE_MS)
    assert open_drafts(database_file) == 1
    visitor.page.get_by_role("button", name="Undo").click()
    visitor.page.get_by_text("Approved 1 line").wait_for(state="detached", timeout=PATIENCE_MS)
    assert open_drafts(database_file) == 0
    visitor.assert_all_well()


def open_drafts(database_file: Path) -> int:
    database = open_database(f"sqlite:///{database_file}")
    line = purchase_order_line.c
    wanted = (
        select(func.count())
        .select_from(purchase_order_line.join(purchase_order))
        .where(purchase_order.c.number.like("SW-%"), line.quantity_cancelled < line.quantity)
    )
    with database.reading() as connection:
        found = int(connection.execute(wanted).scalar_one())
    database.close()
    return found
