"""A challenge with a board to be shown as a site, and a reader of its pages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import builders

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.result import Result
from oceanbench.submission import Submission

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
LEAK = "the estimates equal the truth; submit what was estimated"
CARD = """# `toy_maps`: a toy

**Task.** Map a toy sea. It is small.

See [the scores](../../docs/scores.md#table), [another](../absent/README.md), [below](#a-table).

## A table

| a | b |
|---|---|
| 1 | <b onclick="alert(3)">2</b> |

![picture](https://example.org/p.png) [bad](javascript:alert(4)) $x_{i}*y*$
"""
VOID = {"meta", "link", "img", "input", "br", "line", "circle", "path", "hr"}


def board_world(folder: Path) -> tuple[Challenge, Path]:
    """A challenge, and a folder of results of it.

    Two equally good submissions, a poor one of hostile words, one without a resolved scale, one of
    other observations, another seed, one of another version, and figures of the first.
    """
    challenge = builders.maps_challenge(folder / "toy_maps")
    (folder / "toy_maps" / "README.md").write_text(CARD, encoding="utf-8")
    results = folder / "results"
    noises = {"first": (0.05, 1), "second": (0.05, 2), "poor & 'i'": (0.2, 3), "zero": (None, 0)}
    found: dict[str, Result] = {}
    for number, (name, (noise, seed)) in enumerate(noises.items()):
        maps = builders.maps() * 0 if noise is None else builders.maps(noise=noise, seed=seed)
        path = builders.write(maps, folder / f"{number}.nc")
        found[name] = evaluate(challenge, Submission(f"n{number}", path))
        words = {**found[name].submission, "name": name}
        found[name] = replace(found[name], submission=words)
    first = found["first"].submission
    words = {"method": "A method of long words " * 20, "reference": "Doe (2020) doi:10.1/a<b>;2"}
    found["first"] = replace(found["first"], submission={**first, **words})
    said = {**found["poor & 'i'"].submission, "notes": EVIL, "method": EVIL, "reference": EVIL}
    found["poor & 'i'"] = replace(found["poor & 'i'"], submission=said)
    found["poor & 'i'"] = replace(found["poor & 'i'"], warnings=[EVIL])
    found["first"] = replace(found["first"], warnings=[LEAK])
    found["apart"] = replace(
        found["second"],
        submission={**found["second"].submission, "name": "apart", "observations": "swath"},
    )
    found["again"] = replace(
        found["second"],
        submission={**found["second"].submission, "name": "again", "seed_of": "second"},
    )
    found["old"] = replace(
        found["zero"],
        challenge={**found["zero"].challenge, "version": 99},
        submission={**found["zero"].submission, "name": "old"},
    )
    for result in found.values():
        result.save(results)
    figures = results / challenge.name / "first"
    figures.mkdir()
    (figures / "error_map.png").write_bytes(b"\x89PNG")
    return challenge, results


@dataclass
class Element:
    """A tag with its attributes and the text in it."""

    tag: str
    attributes: dict[str, str]
    parents: list[Element] = field(repr=False)
    text: str = ""

    def get(self, name: str) -> str:
        """An attribute, or nothing."""
        return self.attributes.get(name, "")

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.get("class").split()


class Page(HTMLParser):
    """Elements of a page in their order; what is not well-formed is refused."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, list(self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {n: v or "" for n, v in attrs}, list(self.open)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, tag: str, kind: str = "") -> list[Element]:
        """Elements of a tag, and of a class if one is given."""
        found = [e for e in self.elements if e.tag == tag]
        return [e for e in found if not kind or kind in e.classes]

    def within(self, tag: str, parent: Element) -> list[Element]:
        """Elements of a tag in another."""
        return [e for e in self.elements if e.tag == tag and parent in e.parents]
