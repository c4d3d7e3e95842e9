"""Pretrained methods whose network, batches and length follow from the size of the data, unless they are given."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from jcae.models import rule
from jcae.models.autoencoder import Autoencoder
from jcae.models.pretrained import PretrainedClusterer

PUBLISHED_NETWORK = {"hidden": (500, 500, 2000), "code_dim": 10}
"""What the publications have for MNIST; for `Info.fixed`."""


class SizedClusterer(PretrainedClusterer):
    """A pretrained method that needs nothing but K: what is None follows from the numbers n, d and K by a rule.

    Parameters
    ----------
    hidden : sequence of int or None
        Widths of the encoder's hidden layers; the decoder mirrors them. Code and output are linear. None: 256 below
        n = 1000; then 64-64-256; from d = 50 on 128-128-256; from n = 10000 with d = 200 on 500-500-2000, the published
        network.
    code_dim : int or None
        Width p of the code. None: K; below n = 1000 it is 64, or K where that is more.
    batch_size : int or None
        Points of an update. None: n / 10 down to a power of two, from 16 to 64, and to 256 from n = 10000 on.
    epochs : int or None
        Passes over the data. None: as many as make 1500 updates, or n where that is less, but 10 passes at least.
    autoencoder : Autoencoder or None
        Recipe of the pretraining when no pretrained weights are given; the architecture is this method's own. None: the
        usual one, on images changed as `augment` says; where the method's length is left to the rule, with the batches
        and the length of the rule.
    """

    hidden: Sequence[int] | None = None
    code_dim: int | None = None
    negative_slope: float = 0.2
    batch_size: int | None = None
    epochs: int | None = None

    def rule(self, n_samples: int, n_features: int) -> dict[str, Any]:
        """See `DeepEstimator`."""
        given = isinstance(self.batch_size, Integral) and self.batch_size > 0
        batch = self.batch_size if given else rule.batch_size(n_samples)
        epochs = rule.epochs(n_samples, batch)
        found = {
            "hidden": rule.hidden(n_samples, n_features),
            "code_dim": rule.code_dim(n_samples, self.n_clusters),
            "batch_size": batch,
            "epochs": epochs,
        }
        if self.length_by_rule and self.pretraining() is not None:
            found["autoencoder"] = Autoencoder(epochs=epochs, batch_size=batch, augment=self.augment)
        return found

    @property
    def length_by_rule(self) -> bool:
        """Whether nobody says how long it is trained; the pretraining then follows the rule, too."""
        return self.epochs is None
