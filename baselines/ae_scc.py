"""SCC on the code of an autoencoder that is trained beforehand: what the features cost, or gain, by the code."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from baselines.scc import DEMOS, SubClusterMixin
from jcae.models.clusterer import TransductiveClusterer
from jcae.models.info import Info
from jcae.models.pretrained import FixedCodeMixin
from jcae.training.block import Block


class AESCC(SubClusterMixin, FixedCodeMixin, TransductiveClusterer):
    """Pretrained autoencoder, then SCC on its code; there is no clustering loss.

    Attributes
    ----------
    labels_ : ndarray of int32, (n_samples,)
        SCC on the code. New points cannot be assigned: there is no ``predict``.
    cluster_centers_ : ndarray, (K, code_dim)
        Mean code of each of the K = ``n_clusters_`` clusters.
    loss_ : float
        The reconstruction error.
    """

    info: ClassVar[Info] = Info(
        label="AE+SCC",
        summary="SCC on the code of an autoencoder that was trained on reconstruction alone.",
        reference="arXiv:2010.11821",
        deviations=(
            "The paper clusters embeddings of networks that were trained with labels; here it is the code of the "
            "autoencoder that all pretrained methods of the run share.",
            "Everything said of SCC holds here.",
        ),
        presets=DEMOS,
    )

    def check_parameters(self, n_samples: int, n_features: int) -> None:
        """See `DeepEstimator`."""
        self.check_rounds()

    def set_results(self, block: Block, fits: "Sequence[AESCC]") -> None:
        """SCC of each seed's code, and what `TransductiveClusterer.complete` adds."""
        for code, fit in zip(block.map(block.network.autoencoder.encode).cpu().numpy(), fits, strict=True):
            fit.labels_ = np.zeros(len(code), dtype=np.int32)
            if fit.status_ == "ok":
                fit.set_tree(code)
            fit.cluster_centers_ = np.stack([code[fit.labels_ == k].mean(0) for k in range(fit.labels_.max() + 1)])
        self.complete(block, fits)
