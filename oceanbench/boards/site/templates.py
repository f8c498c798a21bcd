"""Pages from templates: everything that a stranger wrote is escaped."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from oceanbench.boards.escaping import terminal

DOI = r"(?:doi:|https?://(?:dx\.)?doi\.org/)(10\.\d{4,9}/[^\s\"']*[^\s\"'.,;)])"  # <> are of it
ADDRESS = re.compile(rf"{DOI}|https?://[^\s<>\"']+[^\s<>\"'.,;:)]", re.ASCII)


def environment() -> jinja2.Environment:
    """Templates of the package, which escape what they print."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("oceanbench.boards.site", "html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "breakable": breakable,
        "linked": linked,
        "row_address": row_address,
        "file_address": file_address,
        "chosen": lambda names: urlencode([("row", name) for name in names]),
    }
    made.globals["embedded"] = embedded
    return made


def _visible(value: object) -> object:
    """What a template prints, without control characters."""
    return terminal(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def embedded(data: Any) -> Markup:
    """JSON that cannot end the script it stands in."""
    dumps = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return htmlsafe_json_dumps(data, dumps=dumps)


def breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore, and nowhere else by choice."""
    return Markup(str(escape(terminal(name))).replace("_", "_<wbr>"))


def linked(text: object) -> Markup:
    """Text whose addresses of the web, and DOIs, are links."""
    parts, end, line = [], 0, terminal(text)
    for found in ADDRESS.finditer(line):
        address = f"https://doi.org/{quote(found[1])}" if found[1] else found[0]
        parts += [escape(line[end : found.start()])]
        parts += [Markup('<a href="{}" rel="nofollow noopener">{}</a>').format(address, found[0])]
        end = found.end()
    return Markup("").join([*parts, escape(line[end:])])


def row_address(name: str, ending: str = ".html") -> str:
    """Address of the page or file of a row, from the page of its board."""
    return f"rows/{file_address(name, ending)}"


def file_address(name: str, ending: str = "") -> str:
    """Address of a file in the folder of rows, from one of their pages."""
    return f"{quote(name)}{ending}"
