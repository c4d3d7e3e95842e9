"""Fits a method for several numbers of clusters, and writes a block of seeds for each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jcae.files import atomic_folder
from jcae.jobs.classes import load_class
from jcae.jobs.counts import CountError
from jcae.jobs.runner import train_block
from jcae.jobs.signature import cluster_count


def sweep_block(
    spec: Mapping[str, Any],
    counts: Sequence[int],
    features: str | Path,
    seeds: Sequence[int],
    out: str | Path,
    **how: Any,
) -> dict[int, list[dict[str, Any]]]:
    """Fit a method for every number of clusters and every seed of a block.

    Nothing passes from one number to the next: what a run leaves is what `jcae.jobs.runner.train_block` leaves with
    this number among the parameters, without weights, and with the code as float16.

    Parameters
    ----------
    spec : mapping
        As `train_block` takes it, its ``params`` without a number of clusters.
    counts : sequence of int
        Numbers of clusters.
    features, seeds
        As there.
    out : path
        Folder that gets ``<number>/<seed>/``; written whole or not at all, an older one is replaced.
    **how
        Everything else that `train_block` takes, but ``keep``.

    Returns
    -------
    dict of int to list of dict
        Records of the seeds, by number of clusters.

    Raises
    ------
    CountError
        The class takes no number of clusters.
    """
    parameter = cluster_count(load_class(spec["use"]))
    if parameter is None:
        raise CountError(f"{spec['use']} is not told a number of clusters")
    records = {}
    with atomic_folder(out) as folder:
        for count in counts:
            told = {**spec, "params": {**(spec.get("params") or {}), parameter: count}}
            records[count] = train_block(told, features, seeds, folder / str(count), keep="small", **how)
    return records
