"""The data sets of the benchmark: where each comes from, what it must look like, whom to cite.

Facts only: this module imports nothing heavy, so that a config can be checked without loading numpy.
"""

from difflib import get_close_matches

from jcae.data.catalogue.cells import CELLS
from jcae.data.catalogue.colour import COLOUR
from jcae.data.catalogue.graphs import GRAPHS
from jcae.data.catalogue.images import IMAGES
from jcae.data.catalogue.tables import TABLES
from jcae.data.catalogue.text import TEXT
from jcae.data.facts import Dataset


class UnknownDatasetError(ValueError):
    """A data set was asked for that the catalogue does not have."""


CATALOGUE: dict[str, Dataset] = {
    dataset.name: dataset for dataset in (*TABLES, *IMAGES, *COLOUR, *TEXT, *CELLS, *GRAPHS)
}


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
