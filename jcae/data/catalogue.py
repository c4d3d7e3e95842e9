"""The data sets of the benchmark: where each comes from, what it must look like, whom to cite.

Facts only: this module imports nothing heavy, so that a config can be checked without loading numpy.
"""

from dataclasses import dataclass
from difflib import get_close_matches


class UnknownDatasetError(ValueError):
    """A data set was asked for that the catalogue does not have."""


@dataclass(frozen=True)
class Source:
    """One file that a data set is made of.

    Attributes
    ----------
    name : str
        File name of the *decompressed* content, which is also how it is stored.
    sha256 : str
        Checksum of the decompressed content. Servers hold the same content in different containers (plain, or gzip with
        another time stamp), so a checksum of the container would refuse good files.
    addresses : tuple of str
        Tried in this order; each may serve the content plain or gzipped.
    """

    name: str
    sha256: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """One data set: what is expected after preparation, and the facts to print about it.

    Attributes
    ----------
    name, title : str
        Key in the catalogue and in paths; name for tables and figures.
    loader : str
        Key in ``jcae.data.loaders.LOADERS``.
    n, d : int
        Points and features.
    class_names : tuple of str
        In the order of the codes 0..C-1 of the prepared labels.
    class_counts : tuple of int
        Points of each class, same order.
    preparation, licence, citation : str
        One sentence each.
    sources : tuple of Source
        Files to fetch; empty when the data are bundled with a library or generated.
    folder : str
        Folder of the files inside a mirror; empty without sources.
    image_shape : tuple of int or None
        (height, width) when a point is an image stored row by row.
    """

    name: str
    title: str
    loader: str
    n: int
    d: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    preparation: str
    licence: str
    citation: str
    sources: tuple[Source, ...] = ()
    folder: str = ""
    image_shape: tuple[int, int] | None = None

    @property
    def n_clusters(self) -> int:
        """Number of classes, which is the number of clusters that every method is given."""
        return len(self.class_names)


def _sources(addresses: tuple[str, ...], **checksums: str) -> tuple[Source, ...]:
    """Sources that lie side by side on every server; ``{}`` in an address stands for the file name."""
    return tuple(Source(name, sha256, tuple(a.format(name) for a in addresses)) for name, sha256 in checksums.items())


_DIGIT_NAMES = tuple("0123456789")

_MNIST = _sources(
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/{}.gz",
        "https://storage.googleapis.com/cvdf-datasets/mnist/{}.gz",
        "https://yann.lecun.com/exdb/mnist/{}.gz",
    ),
    **{
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

_FASHION_MNIST = _sources(
    (
        # The bucket's website endpoint, which most code names, speaks plain http only; this is the same bucket.
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/{}.gz",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/{}.gz",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/{}.gz",
    ),
    **{
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
)

_USPS = _sources(
    (
        "https://hastie.su.domains/ElemStatLearn/datasets/{}.gz",
        "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/{}.gz",
    ),
    **{
        "zip.train": "abc9f5c75b997cabe66b5d01727d5a681c69298e1641a8d37b55433a52129dc0",
        "zip.test": "6bde17b4f1cd68e0630cd2751d6495b5795d9165ab2dc4a0be8b7002b732f4cc",
    },
)

_PENDIGITS = _sources(
    ("https://archive.ics.uci.edu/ml/machine-learning-databases/pendigits/{}",),
    **{
        "pendigits.tra": "e2b9eb9f0d0467e2b64a4816a3420edf2b8043447576f4b84337aba44a9f97d3",
        "pendigits.tes": "8bd03229c5c5291fefe43e45465dd948d2645bf23328b9d993e0b777666b2015",
    },
)

_ALL = (
    Dataset(
        name="five_gaussians",
        title="Five Gaussians",
        loader="five_gaussians",
        n=2000,
        d=2,
        class_names=("a", "b", "c", "d", "e"),
        class_counts=(400,) * 5,
        preparation="As drawn: unit variance, nearest centres 3.2 standard deviations apart, fixed generator seed; "
        "the best possible rule assigns 92 % of the points rightly.",
        licence="MIT (generated by this project)",
        citation="this project",
    ),
    Dataset(
        name="wine",
        title="Wine",
        loader="wine",
        n=178,
        d=13,
        class_names=("class_0", "class_1", "class_2"),
        class_counts=(59, 71, 48),
        preparation="Each feature minus its mean, divided by its standard deviation.",
        licence="CC BY 4.0 (UCI)",
        citation="Aeberhard and Forina, Wine, UCI Machine Learning Repository, 1992, doi:10.24432/C5PC7J; "
        "as bundled with scikit-learn",
    ),
    Dataset(
        name="breast_cancer",
        title="Breast Cancer Wisconsin",
        loader="breast_cancer",
        n=569,
        d=30,
        class_names=("malignant", "benign"),
        class_counts=(212, 357),
        preparation="Each feature minus its mean, divided by its standard deviation.",
        licence="CC BY 4.0 (UCI)",
        citation="Wolberg, Mangasarian, Street and Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning "
        "Repository, 1993, doi:10.24432/C5DW2B; as bundled with scikit-learn",
    ),
    Dataset(
        name="digits",
        title="Digits",
        loader="digits",
        n=1797,
        d=64,
        class_names=_DIGIT_NAMES,
        class_counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
        preparation="Pixels divided by 16, in [0, 1].",
        licence="CC BY 4.0 (UCI)",
        citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, "
        "1998, doi:10.24432/C50P49; test part, as bundled with scikit-learn",
        image_shape=(8, 8),
    ),
    Dataset(
        name="pendigits",
        title="PENDIGIT",
        loader="pendigits",
        n=10992,
        d=16,
        class_names=_DIGIT_NAMES,
        class_counts=(1143, 1143, 1144, 1055, 1144, 1055, 1056, 1142, 1055, 1055),
        preparation="Training then test part; pen coordinates divided by 100, in [0, 1].",
        licence="CC BY 4.0 (UCI)",
        citation="Alpaydin and Alimoglu, Pen-Based Recognition of Handwritten Digits, UCI Machine Learning Repository, "
        "1996, doi:10.24432/C5MG6K",
        sources=_PENDIGITS,
        folder="pendigits",
    ),
    Dataset(
        name="usps",
        title="USPS",
        loader="usps",
        n=9298,
        d=256,
        class_names=_DIGIT_NAMES,
        class_counts=(1553, 1269, 929, 824, 852, 716, 834, 792, 708, 821),
        preparation="Training then test part; (value + 1) / 2, in [0, 1]: the 0..2 files of the DEC family divided by "
        "their maximum.",
        licence="none stated",
        citation="Hull, A database for handwritten text recognition research, IEEE TPAMI 16(5), 1994, "
        "doi:10.1109/34.291440; text form of Hastie, Tibshirani and Friedman, The Elements of Statistical Learning",
        sources=_USPS,
        folder="usps",
        image_shape=(16, 16),
    ),
    Dataset(
        name="mnist",
        title="MNIST",
        loader="mnist",
        n=70000,
        d=784,
        class_names=_DIGIT_NAMES,
        class_counts=(6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958),
        preparation="Training then test part; pixels divided by 255, in [0, 1].",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 86(11), 1998, doi:10.1109/5.726791",
        sources=_MNIST,
        folder="mnist",
        image_shape=(28, 28),
    ),
    Dataset(
        name="fashion_mnist",
        title="Fashion-MNIST",
        loader="mnist",
        n=70000,
        d=784,
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        class_counts=(7000,) * 10,
        preparation="Training then test part; pixels divided by 255, in [0, 1].",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning "
        "algorithms, 2017, arXiv:1708.07747",
        sources=_FASHION_MNIST,
        folder="fashion-mnist",
        image_shape=(28, 28),
    ),
)

CATALOGUE: dict[str, Dataset] = {dataset.name: dataset for dataset in _ALL}


def get(name: str) -> Dataset:
    """Look a data set up.

    Parameters
    ----------
    name : str
        Key of the catalogue.

    Returns
    -------
    Dataset

    Raises
    ------
    UnknownDatasetError
        Names the bad key, the nearest good one and all allowed ones.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    # Title and folder spellings ("Fashion-MNIST", "fashion-mnist") are the usual slips, hence the normalisation.
    near = get_close_matches(str(name).lower().replace("-", "_").replace(" ", "_"), CATALOGUE, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownDatasetError(f"unknown data set {name!r}{hint} (allowed: {', '.join(CATALOGUE)})")


def markdown() -> str:
    """Table of the catalogue in Markdown, as printed in docs/data-sets.md.

    Returns
    -------
    str
        One row per data set, lines ended by a newline.
    """
    rows = [
        ("name", "data set", "n", "d", "classes", "points per class", "preparation", "licence", "citation"),
        ("---", "---", "---:", "---:", "---:", "---", "---", "---", "---"),
    ]
    for data in CATALOGUE.values():
        low, high = min(data.class_counts), max(data.class_counts)
        points = str(low) if low == high else f"{low} to {high}"
        sizes = (str(data.n), str(data.d), str(data.n_clusters), points)
        rows.append((f"`{data.name}`", data.title, *sizes, data.preparation, data.licence, data.citation))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
