"""h5ad files of AnnData, read with h5py alone: X dense or sparse, and the columns of obs."""

from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import DataError, DataFormatError
from jcae.data.own.loaded import Loaded, kept, room, row_blocks, unknown
from jcae.data.own.probe import probe
from jcae.data.own.source import OwnData
from jcae.data.own.truth import plain

_SPARSE = ("csr_matrix", "csc_matrix")


def read_h5ad(source: OwnData) -> Loaded:
    """Read the matrix X of an h5ad file.

    Parameters
    ----------
    source : OwnData
        The truth is a column of obs; columns that are dropped are names of var.

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        h5py is not installed, or not such a file, no such column, or content that lies in another file.
    """
    where = str(source.file)
    with Opened(source.file) as file:
        columns = file.names("var")
        labels = None
        if source.truth is not None and source.truth_file is None:
            labels = file.column(source.truth)
        X = file.matrix()
    if columns is not None and len(columns) != X.shape[1]:
        raise DataFormatError(f"{where}: {len(columns)} names in var for {X.shape[1]} columns of X")
    if labels is not None and labels.shape != (len(X),):
        raise DataFormatError(f"{where}: obs/{source.truth} has shape {labels.shape} for {len(X)} rows of X")
    if source.drop:
        known = columns or tuple(map(str, range(X.shape[1])))
        features = kept(known, source.drop, None, where)
        X, columns = X[:, features], tuple(known[i] for i in features)
    return Loaded(X, columns=columns, labels=labels)


class Opened:
    """An h5ad file that is open; a context manager, within which what goes wrong becomes a `DataError`.

    Parameters
    ----------
    path : Path
    probed : bool
        Someone has already seen that HDF5 survives the file.
    """

    def __init__(self, path: Path, probed: bool = False) -> None:
        self.path, self._probed = path, probed

    def __enter__(self) -> "Opened":
        try:
            import h5py
        except ImportError:
            raise DataError(f'{self.path}: reading h5ad needs the package h5py: pip install "jcae[h5ad]"') from None
        self._h5py = h5py
        if not self._probed:
            probe(self.path)
        try:
            self._file = h5py.File(self.path, "r")
        except Exception as error:  # a damaged file makes HDF5 raise many kinds
            raise self._refusal(error) from None
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._file.close()
        if isinstance(error, Exception) and not isinstance(error, DataError):  # as above
            raise self._refusal(error) from None

    def matrix(self) -> np.ndarray:
        """Read X, dense.

        Returns
        -------
        ndarray, shape (n, d)
        """
        item = self._item("X")
        if isinstance(item, self._h5py.Dataset):
            if item.ndim != 2 or item.dtype.kind not in "biuf":
                raise DataFormatError(f"{self.path}: X is {item.dtype} of shape {item.shape}, not a table of numbers")
            return item[:]
        return self._sparse(item)

    def kind(self) -> str:
        """How X says that it is stored."""
        attributes = self._item("X").attrs
        kind = attributes.get("encoding-type", attributes.get("h5sparse_format", ""))
        return kind if kind in _SPARSE else f"{kind}_matrix"

    def obs_columns(self) -> list[str]:
        """Names of the columns of obs."""
        obs = self._item("obs")
        if not isinstance(obs, self._h5py.Group):
            raise DataFormatError(f"{self.path}: obs is no group (written by an AnnData before 0.7; write it anew)")
        index = obs.attrs.get("_index", "_index")
        return [name for name in obs if name not in (index, "__categories")]

    def column(self, name: str) -> np.ndarray:
        """Read a column of obs: numbers, texts, or categories.

        Returns
        -------
        ndarray, shape (n,)
            A missing category is an empty text.
        """
        known = self.obs_columns()
        if name not in known:
            raise DataError(f"{self.path}: {unknown(name, known, 'column of obs')}")
        item = self._item(f"obs/{name}")
        if isinstance(item, self._h5py.Dataset):
            return plain(item[:])
        if "categories" in item:
            categories = plain(self._item(f"obs/{name}/categories")[:]).astype(np.str_)
            codes = self._item(f"obs/{name}/codes")[:]
            if codes.dtype.kind not in "iu" or codes.ndim != 1 or (codes >= len(categories)).any():
                raise DataFormatError(f"{self.path}: obs/{name} has codes beyond its {len(categories)} categories")
            return np.append(categories, "")[np.where(codes < 0, len(categories), codes)]
        if "mask" in item:  # numbers or texts of which some are missing
            values = plain(self._item(f"obs/{name}/values")[:])
            missing = self._item(f"obs/{name}/mask")[:].astype(bool)
            return np.where(missing, "", values.astype(np.str_)) if missing.any() else values
        raise DataFormatError(f"{self.path}: obs/{name} is of no kind that is read here")

    def names(self, table: str) -> tuple[str, ...] | None:
        """Names of the rows of obs or var, None where there are none."""
        if table not in self._file or not isinstance(item := self._item(table), self._h5py.Group):
            return None
        index = item.attrs.get("_index", "_index")
        return tuple(map(str, plain(self._item(f"{table}/{index}")[:]))) if index in item else None

    def _item(self, path: str) -> Any:
        """A group or dataset of this very file: HDF5 can point to other files, which nobody asked to be read."""
        item = self._file
        for name in path.split("/"):
            link = item.get(name, getlink=True) if name in item else None
            if link is None:
                raise DataFormatError(f"{self.path}: holds no {path}")
            if not isinstance(link, self._h5py.HardLink):
                raise DataFormatError(f"{self.path}: {path} is a link to another place")
            item = item[name]
        if isinstance(item, self._h5py.Dataset) and (item.is_virtual or item.external):
            raise DataFormatError(f"{self.path}: {path} lies in another file")
        return item

    def _sparse(self, group: Any) -> np.ndarray:
        import scipy.sparse

        kind = self.kind()
        if kind not in _SPARSE or "shape" not in group.attrs:
            raise DataFormatError(f"{self.path}: X is of no kind that is read here (allowed: dense, csr, csc)")
        n, d = (int(size) for size in group.attrs["shape"])
        parts = tuple(self._item(f"X/{name}")[:] for name in ("data", "indices", "indptr"))
        sparse = getattr(scipy.sparse, kind)(parts, shape=(n, d))
        sparse.check_format(full_check=True)  # else a wrong index would write beside the array
        rows = sparse.tocsr()
        X = room(n, d, np.promote_types(sparse.dtype, np.float32).type, str(self.path))
        for block in row_blocks(n, d):
            X[block] = rows[block].toarray()
        return X

    def _refusal(self, error: Exception) -> DataError:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            return DataError(f"{self.path}: cannot be read ({error.strerror or error})")
        return DataFormatError(f"{self.path}: not an h5ad file, or damaged or cut off ({error})")
