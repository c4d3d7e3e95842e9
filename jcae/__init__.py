"""jcae: the joint clustering autoencoder (AE-CM), its clustering module, and the tools to compare them with others.

The estimators are imported on first use, so that ``import jcae`` stays quick.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_HOME = {
    "AECM": "jcae.models.aecm",
    "Autoencoder": "jcae.models.autoencoder",
    "ClusteringModule": "jcae.models.clustering_module",
    "IsotropicMixture": "jcae.models.mixture",
}
__all__ = ["AECM", "Autoencoder", "ClusteringModule", "IsotropicMixture", "__version__"]

try:
    __version__ = version("jcae")
except PackageNotFoundError:  # run from plain sources, not installed
    __version__ = "0+sources"


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'jcae' has no attribute {name!r}; it has {sorted(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
