"""Write the site of boards into the documentation, and link it from the navigation.

Pages of boards link to the pages of methods and of what cards name: mkdocs knows where these are.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File
from mkdocs.structure.nav import Link

from oceanbench.boards.site.gathering import Documentation
from oceanbench.boards.site.site import write_site
from oceanbench.challenge import load_all
from oceanbench.data import shipped

FOLDER = "leaderboards"
PLACE = 1  # in the navigation, after the home page


def on_nav(nav: Any, **_: Any) -> Any:
    """Add the boards to the navigation."""
    nav.items.insert(PLACE, Link("Leaderboards", f"{FOLDER}/index.html"))
    return nav


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Add the boards of the shipped results, so that pages may link to them."""
    pages = {f"docs/{file.src_uri}": file.dest_uri for file in files.documentation_pages()}
    with TemporaryDirectory() as folder:
        site = Path(folder)
        write_site(
            list(load_all().values()),
            [shipped.folder("leaderboards")],
            site,
            documentation=Documentation("../", pages),
        )
        for path in sorted(p for p in site.rglob("*") if p.is_file()):
            place = f"{FOLDER}/{path.relative_to(site).as_posix()}"
            files.append(File.generated(config, place, content=path.read_bytes()))
    return files
