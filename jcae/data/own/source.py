"""What a config says about a file of the user's own."""

import re
from dataclasses import dataclass
from pathlib import Path

SCALES = ("none", "minmax", "standard", "max")
FOLDERS = "folders"
"""In place of a column: the folder in which an image lies is its class."""

FORMATS = {
    "text": re.compile(r"\.(csv|tsv)(\.gz)?$", re.IGNORECASE),
    "parquet": re.compile(r"\.parquet$", re.IGNORECASE),
    "npy": re.compile(r"\.npy$", re.IGNORECASE),
    "npz": re.compile(r"\.npz$", re.IGNORECASE),
    "h5ad": re.compile(r"\.h5ad$", re.IGNORECASE),
    "idx": re.compile(r"(\.idx|ubyte)(\.gz)?$", re.IGNORECASE),
}
"""Format -> how the names of such files end; a folder is a folder of images."""
ALLOWED = "csv, tsv, csv.gz, tsv.gz, parquet, npy, npz, h5ad, idx, ...ubyte, ...ubyte.gz, or a folder of images"

_LABEL_FILE = re.compile(r"(\.(npy|csv|tsv|txt|idx)|ubyte)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class OwnData:
    """An entry of the config that names a file; lists become tuples, and a text a path.

    Attributes
    ----------
    file : Path
        A file in one of the `FORMATS`, or a folder of images.
    truth : str or None
        Where the classes are: a column of a table, an array of an npz, a column of the `obs` of an h5ad, a file of
        labels (by the end of its name: npy, csv, tsv, txt, idx, ubyte), or "folders". None: nobody knows them.
    drop : tuple of str or int
        Columns that are no features: by name, or, where columns have none, by number from 0.
    scale : {"none", "minmax", "standard", "max"}
        None; each feature to [0, 1]; each feature to mean 0 and standard deviation 1; all divided by the largest
        absolute value.
    n_clusters : int or None
        Needed where there is no truth; with a truth it must be the number of its classes.
    image_shape : tuple of int or None
        (height, width) of grey images, (height, width, 3) of colour images: to which a folder of images is resized,
        or which the columns of a table are.

    Raises
    ------
    ValueError
        A value that is not allowed, or a number of clusters that is missing.
    """

    file: Path
    truth: str | None = None
    drop: tuple[str | int, ...] = ()
    scale: str = "none"
    n_clusters: int | None = None
    image_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", Path(self.file))
        object.__setattr__(self, "drop", tuple(self.drop))
        if self.image_shape is not None:
            object.__setattr__(self, "image_shape", tuple(self.image_shape))
            _check_shape(self.image_shape)
        if self.scale not in SCALES:
            raise ValueError(f"scale {self.scale!r} (allowed: {', '.join(SCALES)})")
        if self.n_clusters is None and self.truth is None:
            raise ValueError(f"{self.file}: without a truth, say n_clusters: how many clusters there shall be")
        if self.n_clusters is not None and not (_is_count(self.n_clusters) and self.n_clusters >= 2):
            raise ValueError(f"n_clusters {self.n_clusters!r} (allowed: whole numbers from 2)")

    @property
    def truth_file(self) -> Path | None:
        """The file of labels, where the truth is one."""
        return Path(self.truth) if self.truth is not None and names_label_file(self.truth) else None


def names_label_file(truth: str) -> bool:
    """Whether a truth is a file of labels, by the end of its name, and not a column."""
    return bool(_LABEL_FILE.search(truth))


def _check_shape(shape: tuple[int, ...]) -> None:
    colour = len(shape) == 3 and shape[2] == 3
    if not (colour or len(shape) == 2) or not all(_is_count(size) and size >= 1 for size in shape):
        raise ValueError(f"image_shape {list(shape)} (allowed: [height, width], [height, width, 3])")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def format_of(path: Path) -> str | None:
    """Say in which format a file is, by its name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
        A key of `FORMATS`, "images" for a folder, None for any other name.
    """
    if path.is_dir():
        return "images"
    return next((name for name, end in FORMATS.items() if end.search(path.name)), None)
