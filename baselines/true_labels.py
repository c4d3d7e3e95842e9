"""Control: the truth itself. It shows that the scores reach their upper bound, and that the labels are in order."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from jcae.models.info import Info
from jcae.models.inputs import checked_data


class TrueLabels(ClusterMixin, BaseEstimator):
    """Hands back the classes it is given: the only method that sees them."""

    info: ClassVar[Info] = Info(
        label="true labels",
        summary="Control: the classes themselves, the upper bound of every score.",
        reference="none",
        control=True,
    )
    reads_truth: ClassVar[bool] = True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Set ``labels_`` (n_samples,) to the classes y (n_samples,), numbered from 0 in sorted order.

        Without y every point gets label 0: there is no truth to hand back.
        """
        X = checked_data(self, X)
        if y is None:
            self.labels_ = np.zeros(len(X), dtype=np.int32)
            return self
        y = np.asarray(y)
        if y.shape != (len(X),):
            raise ValueError(f"y has shape {y.shape}; X has {len(X)} rows")
        self.labels_ = np.unique(y, return_inverse=True)[1].astype(np.int32)
        return self
