"""The site of boards in a browser, from files: sort, filter, columns, compare, dark, phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_worlds import board_world

from oceanbench.boards.site.site import write_site

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian: chromium) is installed"),
]
BOARD = "challenges/toy_maps/index.html"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a site in a folder."""
    folder = tmp_path_factory.mktemp("browser")
    challenge, results = board_world(folder)
    write_site([challenge], [results], folder / "out")
    return (folder / "out").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that fails the test on any error, and on a request that is for no file."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    local = ("file:", "data:")
    opened.on("request", lambda r: r.url.startswith(local) or wrong.append(r.url))
    yield opened
    context.close()
    assert not wrong


def names(page: Any) -> list[str]:
    """Rows of the first league that are to be seen, from above."""
    script = "rows => rows.filter(r => !r.hidden).map(r => r.querySelector('input').value)"
    return list(page.locator(".board tbody:first-of-type tr[data-row]").evaluate_all(script))


def test_tables_sort_by_mouse_and_by_keyboard(page: Any, home: str) -> None:
    page.goto(f"{home}/{BOARD}")
    assert names(page)[2:] == ["poor & 'i'", "zero"]
    head = page.locator(".board thead th", has_text="RMSE [m]").first
    head.click()
    assert head.get_attribute("aria-sort") == "ascending"
    rising = names(page)
    head.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page) == rising[::-1]
    higher = page.locator(".board thead th", has_text="µ").first
    higher.click()
    assert higher.get_attribute("aria-sort") == "descending", "the best comes first"
    assert names(page)[-1] == "zero"


def test_rows_are_filtered_by_their_text(page: Any, home: str) -> None:
    page.goto(f"{home}/{BOARD}")
    page.get_by_label("Filter rows").fill("poor")
    assert names(page) == ["poor & 'i'"]
    assert page.locator("[data-counts]").text_content() == "1 of 5 rows"
    page.get_by_label("Filter rows").fill("")
    assert len(names(page)) == 4


def test_columns_are_hidden_and_shown(page: Any, home: str) -> None:
    page.goto(f"{home}/{BOARD}")
    head = page.locator(".board thead th", has_text="RMSE [m]").first
    notes = page.locator(".board thead th", has_text="notes")
    assert head.is_visible() and not notes.is_visible()
    page.locator("details.columns summary").click()
    page.get_by_label("RMSE [m]", exact=True).uncheck()
    page.get_by_label("notes").check()
    assert not head.is_visible() and notes.is_visible()


def test_chosen_rows_are_compared(page: Any, home: str) -> None:
    page.goto(f"{home}/{BOARD}")
    button = page.get_by_role("button", name="Compare the chosen")
    assert button.is_disabled()
    page.get_by_label("compare first", exact=True).check()
    assert button.is_disabled()
    page.get_by_label("compare poor & 'i'", exact=True).check()
    button.click()
    page.wait_for_url("**/compare.html?row=*")
    table = page.locator("#comparisons table")
    assert table.count() == 1
    assert table.locator("caption").text_content() == "first against poor & 'i'"
    verdict = table.locator("tbody tr", has_text="RMSE [m]").first.locator(".verdict")
    assert verdict.text_content() == "better"
    heights = table.locator("tbody tr").evaluate_all("rows => rows.map(r => r.clientHeight)")
    assert max(heights) < 45, "a score without a difference is as low as any"
    assert page.locator(".plot canvas").count() == 1
    assert page.locator(".u-legend .u-series").count() == 3, "time and two rows"


def test_dark_is_the_systems_choice_or_ones_own_and_is_kept(page: Any, home: str) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page.goto(f"{home}/index.html")
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert dark != light
    button = page.locator("#theme")
    button.click()
    assert button.text_content() == "Theme: light" and page.evaluate(paper) == light
    button.click()
    page.goto(f"{home}/{BOARD}")
    page.emulate_media(color_scheme="light")
    assert button.text_content() == "Theme: dark" and page.evaluate(paper) == dark


def test_no_page_is_wider_than_a_phone(page: Any, home: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    root = Path(home.removeprefix("file://"))
    for path in sorted(root.rglob("*.html")):
        page.goto(path.as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{path.name}: {wide} px"
    page.goto(f"{home}/{BOARD}")
    rows = page.locator(".board tr[data-row]")
    heights = rows.evaluate_all("rows => rows.map(r => r.clientHeight)")
    assert max(heights) < 130, "long words widen and heighten no row"


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_what_is_in_a_cell_stays_in_it(page: Any, home: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{home}/{BOARD}")
    script = """cells => cells.flatMap(cell => [...cell.querySelectorAll('.badge, a, strong')]
        .filter(part => part.getBoundingClientRect().right > cell.getBoundingClientRect().right)
        .map(part => part.textContent))"""
    assert page.locator(".board tbody th, .board tbody td").evaluate_all(script) == []
    tops = """rows => rows.map(row => new Set([...row.children].filter(c => c.offsetParent)
        .map(c => c.getBoundingClientRect().bottom)).size)"""
    bottoms = page.locator(".board tbody tr[data-row]").evaluate_all(tops)
    assert set(bottoms) == {1}, "the lines below the cells of a row are one line"


def test_keyboard_focus_is_seen(page: Any, home: str) -> None:
    page.goto(f"{home}/{BOARD}")
    page.get_by_label("Filter rows").focus()
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        script = """() => [document.activeElement.tagName,
            getComputedStyle(document.activeElement).outlineStyle]"""
        tag, style = page.evaluate(script)
        assert style == "solid", tag
        seen.add(tag)
    assert {"SUMMARY", "TH", "INPUT"} <= seen


def test_pages_read_without_scripts(browser: Any, home: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{home}/{BOARD}")
    assert page.locator(".board tr[data-row]").count() == 5
    assert not page.get_by_label("Filter rows").is_visible()
    page.get_by_label("compare first", exact=True).check()
    page.get_by_label("compare second", exact=True).check()
    page.get_by_role("button", name="Compare the chosen").click()
    assert "row=first&row=second" in page.url
    assert page.get_by_text("oceanbench compare A B").is_visible()
    context.close()
