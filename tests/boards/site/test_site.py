"""The site of boards says what its results say, holds together, loads nothing from elsewhere."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from rows import every
from site_worlds import EVIL, LEAK, Element, Page, board_world

from oceanbench.boards.differences import compared
from oceanbench.boards.finding import load_results
from oceanbench.boards.ranking import board
from oceanbench.boards.site.site import site_files, write_site
from oceanbench.boards.site.templates import embedded, linked
from oceanbench.challenge import Challenge
from oceanbench.result import Result

Site = dict[str, str | bytes]
HOME = "challenges/toy_maps/"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Challenge, Path]:
    return board_world(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def results(world: tuple[Challenge, Path]) -> dict[str, Result]:
    challenge, folder = world
    return {result.name: result for result in load_results(challenge, [folder])}


@pytest.fixture(scope="module")
def site(world: tuple[Challenge, Path]) -> Site:
    challenge, folder = world
    return dict(site_files([challenge], [folder]))


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, Page]:
    return {name: Page(str(text)) for name, text in site.items() if name.endswith(".html")}


def embedded_in(page: Page) -> list[object]:
    """What the JSON of a page holds."""
    scripts = [e for e in page.all("script") if e.get("type") == "application/json"]
    return [json.loads(script.text) for script in scripts]


def column_of(page: Page, label: str) -> list[Element]:
    """Cells of a score's column of the board."""
    (table,) = page.all("table", "board")
    heads = [e for e in page.within("th", table) if e.text.startswith((f"{label} [", f"{label} ("))]
    (column,) = [name for name in heads[0].classes if name != "number"]
    return [e for e in page.within("td", table) if column in e.classes]


def test_every_link_of_the_site_leads_to_a_file_and_a_place_in_it(
    site: Site, pages: dict[str, Page]
) -> None:
    ids = {name: {e.get("id") for e in page.elements} for name, page in pages.items()}
    count = 0
    for name, page in pages.items():
        for element in page.elements:
            address = element.get("href") or element.get("src")
            if not address or address.startswith(("https://", "data:,")):
                continue
            path, _, part = address.partition("#")
            path = unquote(path.partition("?")[0])
            file = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            file = file if path else name
            assert file in site, f"{name}: {address}"
            assert not part or part in ids[file], f"{name}: {address}"
            count += 1
    assert count > 100


def test_no_page_loads_anything_from_elsewhere(site: Site, pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for element in page.elements:
            if element.tag in ("script", "img", "link", "source", "iframe"):
                address = element.get("src") or element.get("href")
                assert not re.match(r"[a-z]*:?//", address), f"{name}: {address}"
    for name, style in site.items():
        if name.endswith(".css"):
            assert not re.search(rb"url\(|@import", bytes(style)), name


def test_texts_of_strangers_stay_texts(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for script in page.all("script"):
            assert script.get("src") or script.get("type") == "application/json", name
        assert not any(key.startswith("on") for e in page.elements for key in e.attributes), name
        for image in page.all("img"):
            assert image.get("src") != "x"
        for link in page.all("a"):
            assert not link.get("href").startswith("javascript"), name
    shown = pages[f"{HOME}rows/poor & 'i'.html"]
    assert EVIL in "".join(e.text for e in shown.all("dd"))
    assert {e.text for e in shown.all("h1")} == {"poor & 'i'"}


@every("text", [EVIL, "<!--<script>", "]]>", "\u2028", "&amp;"])
def test_embedded_json_cannot_end_its_script(text: str) -> None:
    found = embedded({"a": [text]})
    assert not set(found) & set("<>&")
    assert json.loads(found) == {"a": [text]}


def test_rows_with_warnings_are_marked(pages: dict[str, Page], results: dict[str, Result]) -> None:
    board_page = pages[f"{HOME}index.html"]
    heads = board_page.all("th", "name")[1:]
    marked = {
        board_page.within("a", head)[0].text: [
            (e.get("title"), e.text)
            for e in board_page.within("span", head)
            if "warned" in e.classes
        ]
        for head in heads
    }
    for name, found in marked.items():
        said = "; ".join(results[name].warnings)
        assert found == ([(said, f"warned: {said}")] if said else []), name
    assert [LEAK] in [results[name].warnings for name in marked]
    leader = pages["index.html"].all("span", "leader")[0]
    assert ("warned: " + LEAK in leader.text) == ("first" in leader.text)


def test_only_addresses_of_the_web_become_links() -> None:
    found = linked("see doi:10.1175/A(1)<2>B;2, https://example.org/a?b=c. javascript:alert(1)")
    page = Page(str(found))
    assert [a.get("href") for a in page.all("a")] == [
        "https://doi.org/10.1175/A%281%29%3C2%3EB%3B2",
        "https://example.org/a?b=c",
    ]
    assert "javascript:alert(1)" in found


def test_rows_have_the_ranks_and_groups_of_the_board_league_by_league(
    world: tuple[Challenge, Path], results: dict[str, Result], pages: dict[str, Page]
) -> None:
    computed = board(world[0], list(results.values())).computed
    page = pages[f"{HOME}index.html"]
    (table,) = page.all("table", "board")
    rows = [e for e in page.within("tr", table) if "data-row" in e.attributes]
    shown = []
    for row in rows:
        (box,) = page.within("input", row)
        rank, group = page.within("td", row)[1:3]
        shown.append((rank.text, group.text.strip(), box.get("value")))
    told = computed[["rank", "group", "submission"]].itertuples(index=False, name=None)
    assert shown == list(told)
    assert [e.text for e in page.within("tr", table) if "league" in e.classes] == [
        "Ranked apart: used swath too"
    ]
    assert len(page.within("tbody", table)) == 2
    ties = page.within("span", rows[0])
    assert [e.text for e in ties if "in" in e.classes] == ["a"]


def test_the_best_value_of_each_score_is_marked_in_its_league(
    world: tuple[Challenge, Path], results: dict[str, Result], pages: dict[str, Page]
) -> None:
    page = pages[f"{HOME}index.html"]
    names = ["first", "second", "poor & 'i'", "zero"]
    for label in ("RMSE", "λx", "µ"):
        cells = column_of(page, label)
        row_of = {page.within("input", c.parents[-1])[0].get("value"): c for c in cells}
        values = {n: results[n].score(label).value for n in names}
        sign = -1.0 if results["first"].score(label).better == "higher" else 1.0
        losses = {n: v * sign for n, v in values.items() if v is not None}
        best = [n for n in losses if losses[n] == min(losses.values())]
        assert [n for n in names if "best" in row_of[n].classes] == best
        assert "best" not in row_of["apart"].classes, "alone in its league"


def test_columns_sort_as_numbers_with_what_has_none_last(
    results: dict[str, Result], pages: dict[str, Page]
) -> None:
    page = pages[f"{HOME}index.html"]
    cells = column_of(page, "λx")
    keys = [float(cell.get("data-sort")) for cell in cells]
    values = [results[page.within("input", c.parents[-1])[0].get("value")] for c in cells]
    expected = [r.score("λx").value for r in values]
    assert None in expected
    for key, value in zip(keys, expected, strict=True):
        assert key == pytest.approx(value, rel=1e-9) if value is not None else key > 1e12


def test_older_versions_other_seeds_and_figures_are_told_apart(
    site: Site, pages: dict[str, Page], world: tuple[Challenge, Path]
) -> None:
    page = pages[f"{HOME}index.html"]
    older = [e for e in page.all("section") if e.get("aria-labelledby") == "older"]
    assert "old" in older[0].text and "99" in older[0].text
    assert f"{HOME}rows/old.html" not in site and f"{HOME}rows/old.json" in site
    assert f"{HOME}rows/again.html" not in site
    second = pages[f"{HOME}rows/second.html"]
    assert "again.json" in {a.get("href") for a in second.all("a")}
    figures = [i.get("src") for i in pages[f"{HOME}rows/first.html"].all("img")]
    assert figures == ["first/error_map.png"]
    assert site[f"{HOME}rows/first/error_map.png"] == b"\x89PNG"
    file = world[1] / "toy_maps" / "first.json"
    assert site[f"{HOME}rows/first.json"] == file.read_bytes()


def test_comparisons_are_those_of_compared(
    world: tuple[Challenge, Path], results: dict[str, Result], pages: dict[str, Page]
) -> None:
    (data,) = [d for d in embedded_in(pages[f"{HOME}compare.html"]) if d]
    assert isinstance(data, dict)
    names, scores = data["names"], data["scores"]
    assert set(names) == {"first", "second", "poor & 'i'", "zero", "apart"}
    assert len(data["pairs"]) == 10
    for first, second, differences in data["pairs"]:
        pair = compared(world[0], results[names[first]], results[names[second]], shown=True)
        assert len(differences) == len(pair.differences)
        for row, expected in zip(differences, pair.differences, strict=True):
            place, *numbers, verdict = row
            assert scores[place]["heading"].split(" [")[0] == expected.label
            assert verdict == expected.verdict
            known = [expected.difference, expected.interval, expected.ratio, expected.of_ratio]
            ends = [(known[0], known[1]), (known[2], known[3])]
            flat = [x for v, i in ends for x in (v, i and i.low, i and i.high)]
            for number, value in zip(numbers, flat, strict=True):
                assert number == (None if value is None else pytest.approx(value, rel=1e-4))


def test_charts_hold_the_error_of_every_case(
    results: dict[str, Result], pages: dict[str, Page]
) -> None:
    (charts,) = embedded_in(pages[f"{HOME}rows/first.html"])
    assert isinstance(charts, list)
    series = results["first"].series[0]
    errors = np.sqrt(np.array(series["squared_error"]) / np.array(series["weight"]))
    assert charts[0]["lines"]["first"] == pytest.approx(errors.tolist(), rel=1e-4)
    days = np.array(series["time"], dtype="datetime64[s]").astype(int)
    assert charts[0]["places"] == days.tolist()
    assert charts[0]["unit"] == "m"
    influences = [c for c in charts if c["title"].startswith("Influence")]
    assert influences
    for chart in influences:
        values = chart["lines"]["first"]
        assert abs(np.mean(values)) < 1e-3 * np.std(values)


def test_published_rows_stand_apart(tmp_path: Path) -> None:
    site = dict(site_files([Challenge.load("ssh_osse_natl60_2020a")], [tmp_path]))
    name = "challenges/ssh_osse_natl60_2020a/"
    page = Page(str(site[f"{name}index.html"]))
    (table,) = page.all("table", "published")
    assert len(page.within("tr", table)) == 1 + 17
    assert not page.all("table", "board") and f"{name}compare.html" not in site


def test_tables_are_marked_up_for_those_who_hear_them(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert len(page.all("h1")) == 1 and len(page.all("main")) == 1, name
        for table in page.all("table"):
            in_card = any("card" in e.classes for e in table.parents)
            assert in_card or len(page.within("caption", table)) == 1, name
            heads = [e for e in page.within("th", table) if e.parents[-2].tag == "thead"]
            assert heads and (in_card or all(e.get("scope") == "col" for e in heads)), name
        for control in [*page.all("input"), *page.all("select")]:
            named = control.get("aria-label") or [e for e in control.parents if e.tag == "label"]
            assert named, f"{name}: {control}"


def test_the_same_results_give_the_same_files_which_appear_whole(
    world: tuple[Challenge, Path], site: Site, tmp_path: Path
) -> None:
    challenge, folder = world
    count = write_site([challenge], [folder], tmp_path / "out")
    written = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert count == len(written) == len(site)
    for path in written:
        content = site[path.relative_to(tmp_path / "out").as_posix()]
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)


def test_libraries_have_their_licences_beside_them(site: Site) -> None:
    for library in ("tablesort", "uPlot"):
        assert any(name.startswith(f"assets/{library}.LICEN") for name in site)
        text = bytes(site[f"assets/{library}.min.js"])[:200].decode()
        assert re.search(r"v\d+\.\d+\.\d+", text), "says its version"
