"""Run the tutorials when the site is built, and make pages of them with what they printed and drew.

A tutorial is a script of cells (jupytext's percent format) in ``docs/tutorials``. It runs in a
Jupyter kernel and a folder of its own; a cell that fails stops the build. ``OCEANBENCH_TUTORIALS``
says at which sizes: ``tiny`` (the default; ``tiny.yaml`` says what is replaced), ``full``
(``make docs``) or ``none``, which runs nothing.
"""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jupytext
import yaml
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

VARIABLE, SIZES = "OCEANBENCH_TUTORIALS", ("tiny", "full", "none")
FOLDER = "tutorials"
SECONDS = 1200  # that a cell may take
AT_ONCE = 2  # tutorials, each in a kernel of its own
BEGIN = (  # bars of progress in a notebook are of no use here
    "%matplotlib inline\nimport warnings\nwarnings.filterwarnings('ignore', message='IProgress')"
)
SHELL, FILE = "%%bash", "%%writefile"
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r(?!\n)")
NOISE = re.compile(r"^(Writing|Overwriting) \S+$", re.MULTILINE)  # of a file that is shown
STYLE = re.compile(r"<style.*?</style>", re.DOTALL)  # pages have their own
REMARKS = {
    "tiny": "What is printed and drawn below is of a build at tiny sizes, which takes seconds: "
    "`make docs` builds it in full.",
    "none": "This page was built without running the tutorial.",
}


class Page(NamedTuple):
    """Markdown of a tutorial, and its figures by file name."""

    markdown: str
    figures: dict[str, bytes]


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Add a page and its figures for each tutorial."""
    size = os.environ.get(VARIABLE, SIZES[0])
    if size not in SIZES:
        raise PluginError(f"{VARIABLE}={size}: expected {', '.join(SIZES)}")
    folder = Path(config["docs_dir"]) / FOLDER
    smaller = yaml.safe_load((folder / "tiny.yaml").read_text(encoding="utf-8"))
    scripts = sorted(folder.glob("*.py"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pages = list(pool.map(lambda s: page_of(s, size, smaller.get(s.stem, {})), scripts))
    for script, page in zip(scripts, pages, strict=True):
        made = {f"{FOLDER}/{script.stem}.md": page.markdown}
        made |= {f"{FOLDER}/{name}": content for name, content in page.figures.items()}
        for place, content in made.items():
            files.append(File.generated(config, place, content=content))
    return files


def page_of(script: Path, size: str, smaller: Mapping[str, str]) -> Page:
    """Page of a tutorial, which is run.

    Parameters
    ----------
    script : in percent format
    size : ``tiny``, ``full`` or ``none``
    smaller : what to replace at tiny sizes, by what
    """
    notebook = jupytext.read(script)
    sources = [cell.source for cell in notebook.cells]
    for old, new in smaller.items():
        if not any(old in source for source in sources):
            raise PluginError(f"{FOLDER}/tiny.yaml: {script.name} has no {old!r}")
        if size == "tiny":
            for cell in notebook.cells:
                cell.source = cell.source.replace(old, new)
    if size != "none":
        _run(notebook, script)
    figures: dict[str, bytes] = {}
    parts = []
    for cell, source in zip(notebook.cells, sources, strict=True):
        if cell.cell_type == "markdown":
            parts.append(source)
            continue
        language, code = _shown(source)
        parts.append(f"```{language}\n{code}\n```")
        parts += [_output(output, figures, script.stem) for output in cell.get("outputs", [])]
    title, rest = "\n\n".join(part for part in parts if part).split("\n", 1)
    told = size == "none" or (size == "tiny" and smaller)
    remark = f'\n!!! note ""\n    {REMARKS[size]}\n' if told else ""
    link = f"\n[This page as a script]({script.name}){{ .script }}\n"
    return Page(f"{title}\n{link}{remark}{rest}\n", figures)


def _run(notebook: Any, script: Path) -> None:
    """Run all cells in a new folder; the first that fails stops the build."""
    for cell in notebook.cells:
        if cell.source.startswith(SHELL):
            cell.source = cell.source.replace(SHELL, f"{SHELL} -e", 1)
    begin = {"cell_type": "code", "source": BEGIN, "metadata": {}, "outputs": []}
    notebook.cells.insert(0, type(notebook.cells[0])({**begin, "execution_count": None}))
    with TemporaryDirectory() as folder:
        own = Path(folder) / "settings"
        work = Path(folder) / "work"
        work.mkdir()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        settings = {"IPYTHONDIR": str(own), "JUPYTER_CONFIG_DIR": str(own), "PATH": path}
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(work)}},
            coalesce_streams=True,
            extra_arguments=["--log-level=CRITICAL"],  # of the kernel about itself
        )
        try:
            client.execute(env={**os.environ, **settings, "COLUMNS": "100"})
        except CellExecutionError as problem:
            said = ESCAPES.sub("", str(problem))
            raise PluginError(f"{script.name} fails:\n{said}") from None
    del notebook.cells[0]


def _shown(source: str) -> tuple[str, str]:
    """Language of a cell with the name of its file, if it has one, and its text."""
    first, _, rest = source.partition("\n")
    if first == SHELL:
        return "bash", rest
    if first.startswith(FILE):
        return f'python title="{first.removeprefix(FILE).strip()}"', rest
    return "python", source


def _output(output: Any, figures: dict[str, bytes], stem: str) -> str:
    """Output of a cell as Markdown; a figure goes into a file."""
    if output["output_type"] == "stream":
        return _text(NOISE.sub("", output["text"]))
    data = output["data"]
    if "image/png" in data:
        name = f"{stem}_{len(figures) + 1}.png"
        figures[name] = base64.b64decode(data["image/png"])
        return f"![Figure {len(figures)}]({name})"
    if "<table" in data.get("text/html", ""):
        html = re.sub(r"\n\s*", "\n", STYLE.sub("", data["text/html"]).strip())
        return f'<div class="output" markdown="0">\n{html}\n</div>'
    return _text(data["text/plain"])


def _text(text: str) -> str:
    plain = ESCAPES.sub("", text).rstrip()
    return f"``` {{ .text .output .no-copy }}\n{plain}\n```" if plain else ""
