"""Tutorials become pages with what they printed and drew; one that fails stops the build."""

from __future__ import annotations

import os
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from places import ROOT
from rows import every

for package in ("jupytext", "nbclient", "ipykernel", "mkdocs"):
    pytest.importorskip(package, reason="the extra docs is not installed")

pytestmark = pytest.mark.slow  # they run where the extra is: .ci/run has it for the slow tests
FOLDER = ROOT / "docs" / "tutorials"
SCRIPTS = sorted(FOLDER.glob("*.py"))
SCRIPT = """# %% [markdown]
# # A title
#
# Words.

# %%
# %%writefile told.py
said = 6

# %%
import matplotlib.pyplot as plt
import pandas as pd
from told import said

plt.plot([1, 2])
plt.show()
pd.DataFrame({"a": [7 * said]})

# %% language="bash"
# python -c "from told import said; print('said', said)"
# NEXT
"""


def hook(name: str) -> ModuleType:
    spec = spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tutorials = hook("tutorials")
repository_pages = hook("repository_pages")


@every("script", SCRIPTS)
def test_every_tutorial_has_its_page_and_its_tiny_size(script: Path) -> None:
    smaller = yaml.safe_load((FOLDER / "tiny.yaml").read_text(encoding="utf-8"))
    assert set(smaller) <= {known.stem for known in SCRIPTS}
    page = tutorials.page_of(script, "none", smaller.get(script.stem, {}))
    assert page.markdown.startswith("# ")
    assert len(re.findall(r"^```(python|bash)", page.markdown, re.MULTILINE)) >= 4
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert f"tutorials/{script.stem}.md" in navigation


def test_what_is_replaced_must_be_there() -> None:
    with pytest.raises(tutorials.PluginError, match=r"gallery\.py has no 'nothing'"):
        tutorials.page_of(FOLDER / "gallery.py", "none", {"nothing": "something"})


def test_a_page_has_what_its_cells_printed_and_drew(tmp_path: Path) -> None:
    script = tmp_path / "told.py"
    script.write_text(SCRIPT.replace("# NEXT", ""), encoding="utf-8")
    page = tutorials.page_of(script, "tiny", {"said = 6": "said = 3"})
    assert page.markdown.startswith("# A title\n\n[This page as a script](told.py)")
    assert '```python title="told.py"\nsaid = 6\n```' in page.markdown
    assert "![Figure 1](told_1.png)" in page.markdown
    assert page.figures["told_1.png"].startswith(b"\x89PNG")
    assert "<td>21</td>" in page.markdown
    assert "said 3\n```" in page.markdown


def test_a_cell_that_fails_stops_the_build(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text('# %% language="bash"\n# ls nothing\n# echo done\n', encoding="utf-8")
    with pytest.raises(tutorials.PluginError, match=r"fails\.py fails(.|\n)*cannot access"):
        tutorials.page_of(script, "full", {})


@pytest.mark.skipif("OCEANBENCH_SITE" not in os.environ, reason="no site was built: see .ci/run")
@every("script", SCRIPTS)
def test_built_pages_have_outputs(script: Path) -> None:
    folder = Path(os.environ["OCEANBENCH_SITE"]) / "tutorials" / script.stem
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert 'class="output' in text or 'class="text output' in text
    assert "Traceback" not in text


def test_links_of_the_repository_lead_to_pages() -> None:
    text = "[a](../../docs/scores.md#flags) [b](../lorenz96/README.md) [c](build.py) [d](#e)"
    page = repository_pages.page_of(text, "challenges/amoc/README.md")
    assert page == "[a](../scores.md#flags) [b](lorenz96.md) c [d](#e)"
    board: Any = repository_pages.page_of("[b](leaderboards/amoc.md)", "CHANGELOG.md")
    assert board == "[b](leaderboards/challenges/amoc/index.html)"
