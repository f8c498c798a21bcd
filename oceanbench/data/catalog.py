"""Datasets as an intake catalog, for other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oceanbench.data.files import is_netcdf3


def catalog(files: Mapping[str, Sequence[Path]], metadata: Mapping[str, Mapping[str, Any]]) -> Any:
    """Intake catalog of datasets, built in memory; ``catalog[name].read()`` opens one lazily.

    Parameters
    ----------
    files : files of each dataset
    metadata : what to keep with each dataset
    """
    import intake  # noqa: PLC0415  (a slow import that only catalogs need)
    from intake.readers import datatypes  # noqa: PLC0415
    from intake.readers.readers import XArrayDatasetReader  # noqa: PLC0415

    result = intake.entry.Catalog(metadata={"title": "OceanBench"})
    for name, paths in files.items():
        kind, engine = datatypes.HDF5, "h5netcdf"
        if paths[0].is_dir():
            kind, engine = datatypes.Zarr, "zarr"
        elif is_netcdf3(paths[0]):
            kind, engine = datatypes.NetCDF3, "scipy"
        urls = [str(p) for p in paths]
        source = kind(urls[0] if len(urls) == 1 else urls)
        options = {} if engine == "zarr" else {"engine": engine}
        reader = XArrayDatasetReader(source, metadata=dict(metadata[name]), **options)
        result[name] = reader
    return result
