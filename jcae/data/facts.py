"""What is stated about a data set and about the files that it is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One file that a data set is made of.

    Attributes
    ----------
    name : str
        File name as it is stored. One that ends in ``.gz`` or ``.zip`` is stored as the server sends it; any other file
        is stored decompressed, whether or not the server sends it gzipped.
    sha256 : str or None
        Checksum of what is stored. For a decompressed file that is the checksum of the content: servers hold the same
        content in different containers (plain, or gzip with another time stamp), and a checksum of the container
        would refuse good files. None where none is known; nothing is made up.
    addresses : tuple of str
        Tried in this order.
    md5 : str or None
        Published in place of a sha256.
    also : tuple of str
        sha256 of other files that may stand under this name: other containers of the same content.
    """

    name: str
    sha256: str | None
    addresses: tuple[str, ...]
    md5: str | None = None
    also: tuple[str, ...] = ()

    @property
    def packed(self) -> bool:
        """Whether the file is stored in its container."""
        return self.name.endswith((".gz", ".zip"))

    @property
    def checked(self) -> bool:
        """Whether a checksum is known."""
        return bool(self.sha256 or self.md5)


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
        Points of each class, same order. Empty where nobody states them: any counts are taken then.
    preparation, licence, citation : str
        One sentence each.
    sources : tuple of Source
        Files to fetch; empty when the data are bundled with a library or generated.
    folder : str
        Folder of the files inside a mirror; empty without sources.
    image_shape : tuple of int or None
        (height, width) when a point is a grey image stored row by row; (height, width, 3) when it is a colour image,
        with red, green and blue of a pixel side by side.
    counts_stated : bool
        Whether the class counts are those that the publishers of the files state. False: they are those of somebody's
        prepared copy, and files that lead to other counts are used, with a warning.
    n_train : int or None
        How many of the points, the first ones, are the publishers' training part; None where they have none.
    n_edges : int or None
        Undirected edges of the graph that the data set brings, read by `jcae.data.loaders.GRAPHS`; None without one.
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
    image_shape: tuple[int, ...] | None = None
    counts_stated: bool = True
    n_train: int | None = None
    n_edges: int | None = None

    @property
    def n_clusters(self) -> int:
        """Number of classes, which is the number of clusters that every method is given."""
        return len(self.class_names)


def sources(addresses: tuple[str, ...], **checksums: str | None) -> tuple[Source, ...]:
    """Make the sources that lie side by side on every server.

    Parameters
    ----------
    addresses : tuple of str
        ``{}`` stands for the file name.
    **checksums : str or None
        sha256 per file name.

    Returns
    -------
    tuple of Source
    """
    return tuple(Source(name, sha256, tuple(a.format(name) for a in addresses)) for name, sha256 in checksums.items())


def by_md5(place: str, **md5: str) -> tuple[Source, ...]:
    """Make the sources that lie in one folder of a server, and of which md5 sums are published.

    Parameters
    ----------
    place : str
        Address of the folder, with the last slash.
    **md5 : str
        md5 per file name.

    Returns
    -------
    tuple of Source
    """
    return tuple(Source(name, None, (place + name,), md5=checksum) for name, checksum in md5.items())
