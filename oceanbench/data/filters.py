"""HDF5 filters that a file was written with and this installation cannot undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py

from oceanbench.errors import OceanbenchError

FILTERS = {  # numbers that The HDF Group has given to filters of others
    305: "lzo",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32019: "fcidecomp",
    32022: "bitgroom",
    32023: "granular bitround",
    32024: "sz3",
    32026: "blosc2",
    32028: "jpeg",
}


def refuse_absent_filters(file: Path) -> None:
    """Refuse a file with values behind a filter that is not installed, by the filter's name."""
    try:
        with h5py.File(file, "r") as opened:
            found = next(_absent(opened), None)
    except (OSError, RuntimeError, KeyError):
        return  # what is damaged is refused where it is opened
    if found is not None:
        name, number, own = found
        known = FILTERS.get(number) or own or "unknown"
        raise OceanbenchError(
            f"{file.name}: '{name}' is compressed with the HDF5 filter {number} ({known}), which "
            "is not installed; write the file with zlib, for example "
            "encoding={'" + name.lstrip("/") + "': {'zlib': True}}"
        )


def _absent(opened: h5py.File) -> Iterator[tuple[str, int, str]]:
    """Name of a variable, number and name of the filter, for each that is not there."""
    datasets: list[h5py.Dataset] = []
    opened.visititems(
        lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None
    )
    for dataset in datasets:
        plist = dataset.id.get_create_plist()
        for place in range(plist.get_nfilters()):
            number, _, _, text = plist.get_filter(place)
            if h5py.h5z.filter_avail(number) or not dataset.id.get_num_chunks():
                continue
            if not dataset.id.get_chunk_info(0).filter_mask >> place & 1:
                yield str(dataset.name), int(number), bytes(text).decode("ascii", "replace")
