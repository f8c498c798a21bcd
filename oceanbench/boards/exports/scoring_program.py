"""Score what a participant sent, on a platform of competitions: it lies in the bundle.

    python3 scoring_program.py INPUT OUTPUT

``INPUT/ref`` is the reference data of the bundle, ``INPUT/res`` what was sent: one NetCDF file, one
Zarr store, or NetCDF files that are joined along time. ``OUTPUT/scores.json`` gets the columns of
the leaderboard, ``OUTPUT/result.json`` everything, ``OUTPUT/detailed_results.html`` a page of it.
``program.json`` beside this file says which challenge it is, and what to install where it lacks.
"""

import json
import subprocess
import sys
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUN = "from oceanbench.cli import main; main()"


def main() -> None:
    """Install what lacks, score, and write what the platform reads."""
    given, output = Path(sys.argv[1]), Path(sys.argv[2])
    program = json.loads((HERE / "program.json").read_text(encoding="utf-8"))
    installed(program)
    reference = given / "ref"
    challenge = program["name"] if program["by_name"] else str(reference / "challenge.yaml")
    words = [
        "evaluate",
        challenge,
        str(submitted(given / "res")),
        "--name",
        "submission",
        "--output",
        str(output / "results"),
    ]
    done = subprocess.run([sys.executable, "-P", "-c", RUN, *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)
    path = output / "results" / program["name"] / "submission.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    values = {score["label"]: score for score in result["scores"]}
    columns = program["columns"]
    scores = {
        key: values[label]["value"]
        for key, label in columns.items()
        if label in values and values[label]["value"] is not None
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    (output / "result.json").write_bytes(path.read_bytes())
    page = details(result["scores"], result["warnings"])
    (output / "detailed_results.html").write_text(page, encoding="utf-8")


def installed(program: dict) -> None:  # type: ignore[type-arg]  # it runs where this may be old
    """Install OceanBench, from the wheels that lie here or by its version, where it lacks."""
    try:
        if version("oceanbench-challenges") == program["version"]:
            return
    except PackageNotFoundError:
        pass
    wheels = sorted(str(wheel) for wheel in HERE.glob("*.whl"))
    wanted = wheels or program["requirements"]
    subprocess.run([sys.executable, "-P", "-m", "pip", "install", "--quiet", *wanted], check=True)


def submitted(folder: Path) -> Path:
    """What was sent: a file, a store, or a glob of files of one folder."""
    stores = sorted(path for path in folder.rglob("*.zarr") if path.is_dir())
    files = sorted(path for path in folder.rglob("*.nc") if "__MACOSX" not in path.parts)
    if len(stores) == 1 and not files:
        return stores[0]
    if len(files) == 1 and not stores:
        return files[0]
    if files and not stores and len({file.parent for file in files}) == 1:
        return files[0].parent / "*.nc"
    sys.exit(
        f"found {len(files)} NetCDF files and {len(stores)} Zarr stores; send a zip of one file "
        "NAME.nc, of one store NAME.zarr, or of NetCDF files in one folder"
    )


def details(scores: list, warnings: list) -> str:  # type: ignore[type-arg]
    """All scores with their intervals, and what looks wrong, as a page."""
    rows = ""
    for score in scores:
        known = score["interval"] or {"low": None, "high": None}
        cells = (score["label"], score["units"], score["value"], known["low"], known["high"])
        texts = [*map(shown, cells), score["flag"] or ""]
        rows += "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>"
    heads = ("score", "unit", "value", "low", "high", "flag")
    head = "".join(f"<th>{name}</th>" for name in heads)
    said = "".join(f"<p>warning: {escape(warning)}</p>" for warning in warnings)
    begin = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Scores</title>'
    return f"{begin}{said}<table><tr>{head}</tr>{rows}</table></html>"


def shown(value: object) -> str:
    """A number in six digits, or a text."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
