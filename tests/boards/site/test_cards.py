"""Cards become HTML that holds nothing but what Markdown says."""

from __future__ import annotations

from rows import every
from site_worlds import CARD, Page

from oceanbench.boards.site.cards import card_html, task_of
from oceanbench.boards.site.gathering import CARD as FILE
from oceanbench.challenge import load_all


def nowhere(relative: str) -> str | None:
    return None


def test_raw_html_pictures_and_bad_addresses_are_shown_as_text() -> None:
    page = Page(str(card_html(CARD, nowhere)))
    assert not page.all("b") and not page.all("img")
    assert 'onclick="alert(3)"' in page.all("table")[0].text
    assert [a.get("href") for a in page.all("a")] == ["https://example.org/p.png"]
    assert not page.all("h1"), "the page has a heading of its own"
    assert [e.get("id") for e in page.all("h3")] == ["card-a-table"]
    assert [e.text for e in page.all("code", "formula")] == ["x_{i}*y*"]


@every(
    "text",
    [
        "<script>alert(1)</script>",
        "<div>\n<script>alert(1)</script>\n</div>",
        "[a]: javascript:alert(1)\n\n[a]",
        "[a](JaVaScRiPt:alert(1)) [b](data:text/html,x) [c](//example.org/x) [d](vbscript:x)",
        "![a](javascript:alert(1)) <javascript:alert(1)>",
        '[a](https://x" onmouseover="alert(1))',
        "```\n</code><script>alert(1)</script>\n```",
        "`</code><img src=x onerror=alert(1)>`",
        "&lt;script&gt; <a href='javascript:alert(1)'>a</a>",
    ],
)
def test_hostile_cards_are_harmless(text: str) -> None:
    page = Page(str(card_html(text, nowhere)))
    assert not {e.tag for e in page.elements} & {"script", "img", "iframe", "div", "style"}
    for element in page.elements:
        assert element.attributes.keys() <= {"href", "class", "id"}, element
        assert element.get("href").startswith(("https://", "")) and ":" not in element.get(
            "href"
        ).removeprefix("https:")


def test_addresses_of_the_site_are_those_that_it_gives() -> None:
    text = "[a](../other/README.md) [b](https://example.org)"
    page = Page(str(card_html(text, {"../other/README.md": "../other/index.html"}.get)))
    found = [a.get("href") for a in page.all("a")]
    assert found == ["../other/index.html", "https://example.org"]


def test_the_task_is_a_sentence() -> None:
    assert task_of(CARD) == "Map a toy sea."
    assert task_of("# title\n\nAt 30–46° N. There is *no* truth (Doe et al., 2020). More.") == (
        "At 30–46° N. There is no truth (Doe et al., 2020)."
    )
    assert task_of("") == ""


@every("challenge", load_all().values())
def test_shipped_cards_say_their_task_in_short(challenge: object) -> None:
    folder = challenge.path.parent  # type: ignore[attr-defined]
    task = task_of((folder / FILE).read_text(encoding="utf-8"))
    assert 20 < len(task) < 400 and task.endswith((".", ":"))
