"""Give the learned correction of the jets its name: rows and weights that call it fourdvarnet.

    python tests/benchmarks/rename_correction.py [FOLDER]

FOLDER is a checkout, by default this one. Weights whose network is the correction's are moved to
the new names, which their headers say too; no tensor changes. Result files of their rows follow:
the name of the row, the command, and the file and sha256 of the weights; no score changes. What is
of another method, or has the new name already, stays.
"""

# ruff: noqa: T201 (a benchmark reports)

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from oceanbench.methods.method_file import load_method
from oceanbench.methods.weights import Weights
from oceanbench.result import Result

ROOT = Path(__file__).parents[2]
BEFORE, NOW = "fourdvarnet", "learned_correction"
NAMES = re.compile(rf"\b{BEFORE}(|_ensemble|_swot|_conditional|_perturbed)\b")
CHALLENGES = "ssh_*"
OF_THE_CORRECTION = "0.update."  # tensors of a network that no other method for maps has


def renamed(value: Any) -> Any:
    """JSON with the new names in its texts, and not in its keys."""
    if isinstance(value, str):
        return NAMES.sub(rf"{NOW}\1", value)
    if isinstance(value, dict):
        return {key: renamed(one) for key, one in value.items()}
    return [renamed(one) for one in value] if isinstance(value, list) else value


def of_method(content: bytes, name: str) -> bytes:
    """Safetensors file whose header says that it is of a method of another name."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata = header["__metadata__"]
    metadata["method"] = json.dumps({**json.loads(metadata["method"]), "name": name})
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def sha256(content: bytes) -> str:
    """Digest as result files have it."""
    return hashlib.sha256(content).hexdigest()


def rename_weights(folder: Path) -> dict[str, str]:
    """Digests of weights of the correction as they were, and as they are."""
    digests = {}
    for path in sorted(folder.glob(f"{CHALLENGES}/*.safetensors")):
        new = path.with_stem(renamed(path.stem))
        if new != path and any(n.startswith(OF_THE_CORRECTION) for n in Weights.load(path).tensors):
            new.write_bytes(of_method(path.read_bytes(), new.stem))
            path.unlink()
            print(f"{path} -> {new.name}")
    for path in sorted(folder.glob(f"{CHALLENGES}/{NOW}*.safetensors")):
        content = path.read_bytes()
        before = of_method(content, path.stem.replace(NOW, BEFORE))
        digests[sha256(before)] = sha256(content)
    return digests


def row_renamed(result: Result, digests: dict[str, str]) -> Result | None:
    """Row of the correction under its new name; None of another row."""
    used = result.provenance.get("options", {}).get("weights") or {}
    if renamed(result.name) == result.name or used.get("sha256") not in digests:
        return None
    provenance = renamed(result.provenance)
    provenance["options"]["weights"]["sha256"] = digests[used["sha256"]]
    described = load_method(Path(provenance["options"]["weights"]["file"]).stem)[1].__doc__
    method = (described or "").split("\n")[0].rstrip(".")
    submission = {**renamed(result.submission), "method": method}
    return replace(result, submission=submission, provenance=provenance)


def main() -> None:
    """Rename what a checkout has."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    digests = rename_weights(root / "baselines" / "weights")
    for path in sorted((root / "leaderboards").glob(f"{CHALLENGES}/{BEFORE}*.json")):
        found = row_renamed(Result.load(path), digests)
        if found is None:
            print(f"{path}: no row of these weights, stays")
            continue
        found.save(root / "leaderboards")
        path.unlink()
        print(f"{path} -> {found.name}.json")


if __name__ == "__main__":
    main()
