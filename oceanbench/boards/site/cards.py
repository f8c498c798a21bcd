"""Cards of challenges, from Markdown to HTML that holds nothing but what Markdown says.

Raw HTML is shown as text, addresses are those of the web or of the site, and pictures become links:
a page loads nothing from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

import markdown
from markdown.extensions import Extension
from markdown.extensions.toc import TocExtension, slugify
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor
from markupsafe import Markup

from oceanbench.errors import OceanbenchError

WEB = re.compile(r"https?://", re.IGNORECASE)
FORMULA = r"(\$\$[^$]+\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$(?!\d))"
SENTENCE = re.compile(r"(?<=[^.\s]{2}[.?])\s+(?=[A-Z0-9(])")
BEGIN = re.compile(r"\*\*Task\.?\*\*\.?\s*")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
ASIDE = re.compile(r"\s*\(\[[^\]]*\]\([^)]*\)[^)]*\)")
DEEPEST = 6
ANCHOR = "card-"  # what the names of a card's headings begin with
Address = Callable[[str], str | None]


def card_html(text: str, address: Address) -> Markup:
    """HTML of a card, without its heading.

    Parameters
    ----------
    text : Markdown, which may be a stranger's
    address : address on the site of a relative one in the card, or None where it has none
    """
    body = re.sub(r"\A\s*# .*\n", "", text)
    anchors = TocExtension(slugify=lambda text, dash: f"{ANCHOR}{slugify(text, dash)}")
    extensions = ["tables", "fenced_code", anchors, _Harmless(address)]
    try:
        return Markup(markdown.markdown(body, extensions=extensions))
    except RecursionError:
        raise OceanbenchError("a card has lists within lists too deep; write them flat") from None


def task_of(text: str) -> str:
    """First sentence of a card's task, or of the card, as plain text; "" of an empty card."""
    paragraphs = [p for p in re.split(r"\n\s*\n", text) if p.strip() and not p.startswith("#")]
    task = next((p for p in paragraphs if BEGIN.match(p)), paragraphs[0] if paragraphs else "")
    plain = LINK.sub(r"\1", ASIDE.sub("", BEGIN.sub("", task)))
    words = " ".join(re.sub(r"[*`]", "", plain).split())
    return SENTENCE.split(words)[0]


class _Harmless(Extension):  # type: ignore[misc]  # Markdown has no types
    """Markdown without raw HTML, foreign pictures and addresses that are no such."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802, its name in Markdown
        md.preprocessors.deregister("html_block")
        md.inlinePatterns.deregister("html")
        md.inlinePatterns.register(_Formula(FORMULA, md), "formula", 185)
        md.treeprocessors.register(_Addresses(md, self.address), "addresses", 0)


class _Formula(InlineProcessor):  # type: ignore[misc]  # Markdown has no types
    """A formula stays as it is written, between dollars, and nothing in it is Markdown."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[Element, int, int]:  # noqa: N802
        """Element of a formula."""
        element = Element("code", {"class": "formula"})
        element.text = markdown.util.AtomicString(" ".join(m.group(1).strip("$").split()))
        return element, m.start(0), m.end(0)


class _Addresses(Treeprocessor):  # type: ignore[misc]  # Markdown has no types
    """Keep the addresses of the web and of the site."""

    def __init__(self, md: markdown.Markdown, address: Address) -> None:
        super().__init__(md)
        self.address = address

    def run(self, root: Element) -> None:
        for element in root.iter():
            if element.tag == "img":
                self._link(element)
            if element.tag == "a":
                self._keep(element)
            if re.fullmatch(r"h[1-6]", element.tag):
                element.tag = f"h{min(int(element.tag[1]) + 1, DEEPEST)}"
        for parent, table in list(_tables(root)):
            region = Element("div", {"class": "wide", "tabindex": "0"})
            parent[list(parent).index(table)] = region
            region.append(table)

    def _link(self, element: Element) -> None:
        """Turn a picture into a link to it."""
        words = {key: element.get(key, "") for key in ("src", "alt")}
        element.attrib.clear()
        element.tag, element.text = "a", words["alt"] or words["src"]
        element.set("href", words["src"])

    def _keep(self, element: Element) -> None:
        given = element.get("href", "")
        kept = given if WEB.match(given) else self.address(given)
        element.attrib.pop("href", None)
        if kept is not None:
            element.set("href", kept)
        else:
            element.tag = "span"


def _tables(root: Element) -> Iterator[tuple[Element, Element]]:
    for parent in root.iter():
        for child in parent:
            if child.tag == "table":
                yield parent, child
