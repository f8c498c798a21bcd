#!/usr/bin/env bash
# Fetch what a machine with a GPU may lack, for one that reaches no network: bash tests/device/wheels.sh
#
# That machine has Python 3.12, torch (CUDA), numpy, scipy, pandas, xarray, h5py, matplotlib, click,
# safetensors, lightning and pytest, with all that these need. tests/device/run.sh installs the
# wheels beside them without asking for anything else, so that no other torch or numpy comes along.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$here/wheels
most=30 # MiB

packages=(
    pydantic pydantic-core annotated-types typing-inspection typing-extensions # declarations
    h5netcdf pooch platformdirs requests urllib3 idna charset-normalizer certifi # files
    dask toolz partd locket cloudpickle xrft pyyaml jinja2 markupsafe # what is imported with them
    hypothesis sortedcontainers # tests
)

rm -rf "$folder"
platforms=()
for glibc in 2_17 2_27 2_28 2_34; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
python3 -m pip download --quiet --no-deps --only-binary :all: \
    --python-version 3.12 --implementation cp "${platforms[@]}" --platform manylinux2014_x86_64 \
    --constraint "$here/../../constraints.txt" --dest "$folder" "${packages[@]}"

size=$(du -sm "$folder" | cut -f 1)
echo "$(find "$folder" -name '*.whl' | wc -l) wheels, $size MiB, in $folder"
((size <= most)) || { echo "$folder: $size MiB, expected at most $most; fetch fewer" >&2; exit 1; }
