#!/usr/bin/env bash
# All that a machine with a GPU is asked for, in at most eight minutes and without a network:
#
#     bash tests/device/wheels.sh             # once, before, where there is a network
#     OUT=folder bash tests/device/run.sh     # on the machine with a GPU, from a copy of the checkout
#
# The tests that take a device run first and are compared with the CPU; then times are measured, the
# most important first. FOLDER/tests.json and FOLDER/<part>.json appear as soon as each has a number;
# docs/figures/gpu.py makes the table of docs/gpu.md of them.
#
# DEVICES, PARTS, FILES (of tests), CHOSEN (a pattern of them), TINY and WHEELS change what is done,
# for tests of this script.
set -uo pipefail
begin=$(date +%s)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${OUT:?give the folder of the results: OUT=folder bash tests/device/run.sh}"
mkdir -p "$OUT"

all=450 # seconds, of which the tests may take
for_tests=140
python=$(command -v python3)
wheels=${WHEELS:-tests/device/wheels}
if compgen -G "$wheels/*.whl" >/dev/null; then
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    "$python" -m pip install --quiet --no-index --no-deps --target "$site" \
        "$wheels"/*.whl || exit 1
    export PYTHONPATH=$site
fi
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

# warnings of versions that are not those of constraints.txt are no errors here
read -r -a files <<<"${FILES:-$(grep -rl --include='test_*.py' DEVICES tests | sort | tr '\n' ' ')}"
log=$OUT/tests.log
timeout --kill-after=5 "$for_tests" "$python" -m pytest -q -o filterwarnings=default \
    -p no:cacheprovider -k "${CHOSEN:-cuda}" --tb=short "${files[@]}" >"$log" 2>&1
"$python" - "$?" "$(($(date +%s) - begin))" "$log" "$OUT/tests.json" <<'PYTHON'
import json, sys
from pathlib import Path

code, seconds, log, result = sys.argv[1:]
lines = Path(log).read_text(encoding="utf-8").splitlines()
failed = [line[:300] for line in lines if line.startswith(("FAILED", "ERROR"))]
summary = lines[-1] if lines else ""
found = {"code": int(code), "seconds": int(seconds), "summary": summary, "failed": failed}
Path(result).write_text(json.dumps(found, indent=1), encoding="utf-8")
print(json.dumps(found))
PYTHON

"$python" tests/device/parts.py --out "$OUT" --until "$((begin + all))" \
    --devices "${DEVICES:-cuda,cpu}" ${PARTS:+--only "$PARTS"} ${TINY:+--tiny}
echo "ended after $(($(date +%s) - begin)) s"
