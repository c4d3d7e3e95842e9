"""Small files of every kind that users have, for the tests of their readers."""

import gzip
import struct

import numpy as np
import pandas as pd

X = np.round(np.random.RandomState(0).rand(12, 4) * [1, 10, 100, 1000], 3)
SPECIES = np.array(["setosa", "virginica", "setosa"] * 4)


def frame(**more):
    """Columns a to d, then others."""
    return pd.DataFrame(X, columns=list("abcd")).assign(**more)


def idx_bytes(array, code=0x08):
    array = np.asarray(array)
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def csv(path, table=None, **options):
    (frame(species=SPECIES) if table is None else table).to_csv(path, index=False, **options)
    return path


def text(path, content):
    """A file of exactly this text, gzipped where its name says so."""
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def picture(path, size=(6, 5), colour=True, seed=0):
    """A picture of random pixels, `size` being (width, height)."""
    from PIL import Image

    shape = (size[1], size[0], 3) if colour else (size[1], size[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)).save(path)
    return path


def pictures(folder, classes=("cat", "dog"), each=3, **options):
    """A folder of pictures; without classes, they lie side by side."""
    for name in classes or (".",):
        for number in range(each):
            picture(folder / name / f"{number}.png", seed=number, **options)
    return folder


def h5ad(path, h5py, kind="dense", values=X):
    """A file as AnnData writes it: X, names of var, and three kinds of columns of obs."""
    import scipy.sparse

    with h5py.File(path, "w") as file:
        if kind == "dense":
            file["X"] = values
        else:
            sparse = {"csr_matrix": scipy.sparse.csr_matrix, "csc_matrix": scipy.sparse.csc_matrix}[kind](values)
            group = file.create_group("X")
            group.attrs["encoding-type"], group.attrs["shape"] = kind, sparse.shape
            for name in ("data", "indices", "indptr"):
                group[name] = getattr(sparse, name)
        text = h5py.string_dtype()
        for table, names in (("obs", [f"cell{i}" for i in range(len(values))]), ("var", list("abcd"))):
            group = file.create_group(table)
            group.attrs["_index"] = "_index"
            group["_index"] = np.array(names, dtype=text)
        categories, codes = np.unique(SPECIES, return_inverse=True)
        group = file["obs"].create_group("species")
        group["categories"], group["codes"] = categories.astype(text), codes.astype(np.int8)
        file["obs/plain"] = SPECIES.astype(text)
        file["obs/number"] = codes
        group = file["obs"].create_group("gaps")
        group["values"], group["mask"] = codes, np.arange(len(codes)) == 5
    return path
