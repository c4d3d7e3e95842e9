"""The files of a new method: estimators that work as they stand, to be changed into somebody's own, and their page."""

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

DEEP = Template('''\
"""Deep k-means with hard assignments: reconstruction plus the distance of the code to its nearest centroid."""

from jcae.models.autoencoder import squared_error
from jcae.models.info import Info
from jcae.models.parameters import check_number
from jcae.models.pretrained import PretrainedClusterer, kmeans_on_code
from jcae.nn.distances import squared_distances
from jcae.training.optimisers import Optimiser
from jcae.training.phase import Loss, Phase


class $cls(PretrainedClusterer):
    """Autoencoder whose codes are pulled to their nearest centroid.

    Parameters
    ----------
    weight : float
        Of the distance, beside the reconstruction.
    """

    # What tables, report and docs print; every known difference from the paper is a sentence in `deviations`.
    info = Info(
        label="$label",
        summary="Autoencoder whose codes are pulled to their nearest centroid.",
        reference="none",
    )

    # Its own parameters, each with its type; n_clusters, the autoencoder's, device and seed are inherited.
    weight: float = 0.1
    epochs: int = 50
    batch_size: int = 256

    # Errors for bad values of its own parameters, before anything is computed.
    def check_parameters(self, n_samples, n_features):
        check_number(self, "weight", minimum=0)

    # What is minimised, for how long, and what happens before. S seeds, B points of a batch, p numbers in a code.
    def training_phases(self, block):
        network = block.network

        def start():
            network.centroids.copy_(kmeans_on_code(block, self.n_clusters)[1])

        def loss(x, rows):  # x (S, B, d); one value per seed, so sums run over the last axes and never the first
            z = network.autoencoder.encode(x)  # (S, B, p)
            nearest = squared_distances(z, network.centroids).amin(-1)  # (S, B, K) -> (S, B)
            return Loss(
                {
                    "reconstruction": squared_error(x, network.autoencoder.decode(z)) / x.shape[-2],
                    "distance": self.weight * nearest.mean(-1),
                }
            )

        steps = self.epochs * block.epoch_steps(self.batch_size)
        return [Phase("joint", loss, steps, self.batch_size, Optimiser("adam", 1e-3), before=start)]
''')

SHALLOW = Template('''\
"""k-medians: like k-means, with absolute distances and medians."""

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import kmeans_plusplus
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from jcae.models.info import Info


class $cls(ClusterMixin, BaseEstimator):
    """Every point belongs to the nearest of K centers, which are the medians of their points."""

    # What tables, report and docs print; every known difference from the paper is a sentence in `deviations`.
    info = Info(
        label="$label",
        summary="k-means with absolute distances, whose centers are medians.",
        reference="none",
    )

    # scikit-learn's convention: every parameter is stored unchanged, and checked in fit.
    def __init__(self, n_clusters=8, *, n_init=10, max_iter=100, random_state=None):
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X, y=None):  # y is never used
        X = validate_data(self, X, dtype=np.float64)  # refuses NaN, infinity and what is no table
        if self.n_clusters > len(X):
            raise ValueError(f"n_samples={len(X)} should be at least n_clusters={self.n_clusters}")
        rng = check_random_state(self.random_state)  # the only source of random numbers
        runs = [self._run(X, rng) for _ in range(self.n_init)]
        # inertia_ (or loss_) tells the tables which run a user without labels would keep: lower is better.
        self.inertia_, self.labels_, self.cluster_centers_, self.n_iter_ = min(runs, key=lambda run: run[0])
        return self

    def _run(self, X, rng):
        centers, _ = kmeans_plusplus(X, self.n_clusters, random_state=rng)
        n_iter = 0
        for _ in range(self.max_iter):
            n_iter += 1
            labels = np.abs(X[:, None] - centers).sum(-1).argmin(1)
            members = [X[labels == k] for k in range(self.n_clusters)]
            medians = [np.median(m, axis=0) if len(m) else c for m, c in zip(members, centers, strict=True)]
            if np.array_equal(medians, centers):
                break
            centers = np.array(medians)
        distances = np.abs(X[:, None] - centers).sum(-1)
        return float(distances.min(1).sum()), distances.argmin(1), centers, n_iter

    def predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.abs(X[:, None] - self.cluster_centers_).sum(-1).argmin(1)
''')

PAGE = Template("""\
# $label

`$use`, in [baselines/$name.py](../../baselines/$name.py).
Authors, venue, identifier of the paper.

What it minimises, how it starts, when it stops; what its defaults are and whose. What was published, and what was
measured here.

## Parameters, presets, deviations

```{facts} $use
Written by the site (make docs); in Python: help($cls), $cls.info
```
""")

CONFIG = Template("""\
  $name:
    use: $use
""")


@dataclass(frozen=True)
class NewMethod:
    """What was written.

    Attributes
    ----------
    paths : tuple of Path
    use : str
        Dotted path of the class.
    config : str
        Lines that turn it on, under `methods`.
    """

    paths: tuple[Path, ...]
    use: str
    config: str


def new_method(name: str, folder: str | Path = ".", *, shallow: bool = False) -> NewMethod:
    """Write ``baselines/<name>.py`` and ``docs/methods/<name>.md``; nothing is overwritten.

    Parameters
    ----------
    name : str
        Of file and config key, such as ``hard_kmeans``; the class is called ``HardKmeans``.
    folder : path
        Of the project.
    shallow : bool
        Write a plain estimator in place of a deep one.

    Raises
    ------
    ValueError
        The name is no module name, or is taken; or the folder is not the project's. Nothing was written then.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} cannot be the name of a method: use small letters, digits and _, a letter in front, and no word "
            "of Python, for instance hard_kmeans"
        )
    folder = Path(folder)
    code, page = folder / "baselines" / f"{name}.py", folder / "docs" / "methods" / f"{name}.md"
    for path in (code, page):
        if not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent}; run it where config.yaml lies, or say --folder")
        if path.exists():
            raise ValueError(f"{path} exists and is left as it is; take another name")
    config = folder / "config.yaml"
    if config.exists() and re.search(rf"^  {name}:", config.read_text(encoding="utf-8"), re.MULTILINE):
        raise ValueError(f"{config} has the key {name!r} already; take another name")
    cls = "".join(part.capitalize() for part in name.split("_"))
    words = {"name": name, "cls": cls, "label": name.replace("_", " "), "use": f"baselines.{name}.{cls}"}
    for path, template in ((code, SHALLOW if shallow else DEEP), (page, PAGE)):
        with path.open("x", encoding="utf-8") as file:
            file.write(template.substitute(words))
    entry = CONFIG.substitute(words)
    if not shallow:
        entry += "    autoencoder: shared # start from the autoencoder that DEC, IDEC and AE+KM start from\n"
    return NewMethod((code, page), words["use"], entry)
