"""The documentation builds, and a browser shows it without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

for package in ("mkdocs", "material", "mkdocstrings", "latex2mathml"):
    pytest.importorskip(package, reason="the extra docs is not installed")

pytestmark = pytest.mark.slow
ADDRESS = r"(?:https?:)?//[^\s\"'>)]+"
LOADED = [  # what a browser fetches for a page, unlike the links in it
    re.compile(rf"<(?:script|img|iframe|source|video|embed)\b[^>]*\bsrc=[\"']?({ADDRESS})"),
    re.compile(
        r"<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon|modulepreload))"
        rf"[^>]*\bhref=[\"']?({ADDRESS})"
    ),
]
LOADED_BY_STYLE = re.compile(rf"(?:url\(\s*|@import\s+)[\"']?({ADDRESS})")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages: those that .ci/run has just built, or new ones."""
    if built := os.environ.get("OCEANBENCH_SITE"):
        return Path(built)
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = [a for pattern in [*LOADED, LOADED_BY_STYLE] for a in pattern.findall(text)]
        assert not found, f"{page.name} loads {found}"
    for style in site.rglob("*.css"):
        found = LOADED_BY_STYLE.findall(style.read_text(encoding="utf-8"))
        assert not found, f"{style.name} loads {found}"


def test_formulas_are_drawn_by_the_browser_itself(site: Path) -> None:
    marked = drawn = 0
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        marked += text.count('class="arithmatex"')
        drawn += text.count('class="arithmatex"><math ')
    assert marked == drawn > 200


def test_every_card_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for card in (ROOT / "challenges").glob("*/README.md"):
        assert f" cards/{card.parent.name}.md\n" in navigation, card.parent.name
