"""Small files in the formats of the data sets, for the tests of their readers."""

import gzip
import io
import struct
import tarfile

import numpy as np


def write(folder, *contents):
    """Write (name, bytes) into a folder, and give the paths."""
    for name, content in contents:
        (folder / name).write_bytes(content)
    return [folder / name for name, _ in contents]


def idx(array, code=0x08):
    array = np.asarray(array)
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def tar(path, *members):
    """Gzipped archive of (name, content) or ready-made TarInfo."""
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def topics(path, lines):
    """File of RCV1-v2 that says which document has which topic."""
    path.write_bytes(gzip.compress("".join(f"{topic} {number} 1\n" for topic, number in lines).encode()))
    return path


def tokens(path, documents):
    """File of RCV1-v2 that holds the words of documents, a few per line."""
    with gzip.open(path, "wt", encoding="ascii", compresslevel=1) as file:
        for number, words in documents:
            file.write(f".I {number}\n.W\n")
            for i in range(0, len(words), 10):
                file.write(" ".join(words[i : i + 10]) + " \n")
            file.write("\n")
    return path


def matrix_market(counts):
    """Counts, genes x cells, as 10x Genomics writes them."""
    rows, columns = np.nonzero(counts)
    lines = "".join(f"{i + 1} {j + 1} {counts[i, j]}\n" for i, j in zip(rows, columns, strict=True))
    head = "%%MatrixMarket matrix coordinate integer general\n%\n"
    return f"{head}{counts.shape[0]} {counts.shape[1]} {len(rows)}\n{lines}".encode()


def cells(path, counts, names=None, **changed):
    """Archive of one cell type; `changed` replaces files, None leaves one out."""
    names = names or [f"ENSG{i:011}" for i in range(counts.shape[0])]
    files = {
        "barcodes": "".join(f"AAACATACAATG{j:02}-1\n" for j in range(counts.shape[1])).encode(),
        "genes": "".join(f"{gene}\tNAME{i}\n" for i, gene in enumerate(names)).encode(),
        "matrix": matrix_market(counts),
    } | changed
    ends = {"barcodes": "tsv", "genes": "tsv", "matrix": "mtx"}
    place = "filtered_matrices_mex/hg19/"
    return tar(path, *((f"{place}{n}.{ends[n]}", content) for n, content in files.items() if content is not None))
