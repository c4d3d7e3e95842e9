"""What the seeds of each method agree on, as files of points."""

from pathlib import Path

import pandas as pd

from jcae.data.formats import read_arrays


def write_points(results: str | Path, out: str | Path) -> list[Path]:
    """Write `<out>/<data set>/<method>.csv` for every method with a consensus: `id` (from 0), `consensus`, `agreement`.

    Parameters
    ----------
    results : path
        Folder of a run, or of an export of one.
    out : path
        Made if missing.

    Returns
    -------
    list of Path
        The files written.
    """
    written = []
    for file in sorted(Path(results).glob("gallery/*/confidence/*.npz")):
        arrays = read_arrays(file, "labels", "agreement")
        path = Path(out) / file.parts[-3] / f"{file.stem}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        points = pd.DataFrame({"consensus": arrays["labels"], "agreement": arrays["agreement"].round(4)})
        points.rename_axis("id").to_csv(path)
        written.append(path)
    return written
