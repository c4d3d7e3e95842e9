"""Small files in the formats of the sets of images, with random pixels and labels."""

import gzip
import io
import zipfile

import numpy as np
from data_files import idx, tar
from scipy.io import savemat

PARTS = ("train", "test")


def pixels(random, *shape):
    return random.randint(0, 256, shape).astype(np.uint8)


def mnist(random, counts=(5, 3)):
    """The four files of MNIST and Kuzushiji-MNIST, packed, by their names."""
    files = {}
    for part, n in zip(("train", "t10k"), counts, strict=True):
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(pixels(random, n, 28, 28)))
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(random.randint(0, 10, n).astype(np.uint8)))
    return files


def qmnist(random, counts=(5, 3)):
    """The four files of QMNIST, packed, by their names."""
    files = {}
    for part, n in zip(PARTS, counts, strict=True):
        facts = random.randint(0, 90000, (n, 8)).astype(">i4")
        facts[:, 0] %= 10
        files[f"qmnist-{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(pixels(random, n, 28, 28)))
        files[f"qmnist-{part}-labels-idx2-int.gz"] = gzip.compress(idx(facts, 0x0C))
    return files


def emnist(random, counts=(5, 3), split="letters", labels=(1, 27)):
    """The members that one split has in the archive of EMNIST, by their names."""
    members = {}
    for part, n in zip(PARTS, counts, strict=True):
        images, kinds = pixels(random, n, 28, 28), random.randint(*labels, n).astype(np.uint8)
        members[f"gzip/emnist-{split}-{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(images))
        members[f"gzip/emnist-{split}-{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(kinds))
    return members


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def mat(packed=True, **variables):
    buffer = io.BytesIO()
    savemat(buffer, variables, do_compression=packed)
    return buffer.getvalue()


def svhn(random, n=5, **changed):
    labels = random.randint(1, 11, (n, 1)).astype(np.uint8)
    return mat(**{"X": pixels(random, 32, 32, 3, n), "y": labels} | changed)


def stl10(random, counts=(4, 3)):
    """The files of STL-10 that are read, by their names in the archive."""
    files = {}
    for part, n in zip(PARTS, counts, strict=True):
        files[f"stl10_binary/{part}_X.bin"] = pixels(random, n, 3, 96, 96).tobytes()
        files[f"stl10_binary/{part}_y.bin"] = random.randint(1, 11, n).astype(np.uint8).tobytes()
    return files


def cifar100(*labels):
    """Records whose red is their fine label, green 100 and blue a ramp."""
    planes = bytes([100]) * 1024 + bytes(i % 256 for i in range(1024))
    return b"".join(bytes([coarse, fine]) + bytes([fine]) * 1024 + planes for coarse, fine in labels)


def archive(path, members):
    return tar(path, *members.items())
