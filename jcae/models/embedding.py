"""What every estimator with an autoencoder has: the parameters of its layers, encoding and decoding."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from jcae.augmentation.augmentation import Augmentation
from jcae.augmentation.recipe import read_recipe
from jcae.models.fields import Parameterised
from jcae.models.parameters import check_pixels
from jcae.nn.precision import PRECISIONS


class EmbeddingMixin(Parameterised, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """An autoencoder's parameters, and its two halves as scikit-learn's ``transform`` and ``inverse_transform``.

    ``set_output(transform="pandas")`` gives the code as a table whose columns are called `get_feature_names_out`.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the encoder's hidden layers; the decoder mirrors them. Code and output are linear.
    code_dim : int
        Width p of the code.
    channels : sequence of int or None
        Channels of stride-2 convolutions that come before `hidden`, each of which halves the image, rounded up; the
        decoder mirrors them by transposed ones. Kernels are 5 x 5, the last 3 x 3. None: fully connected.
    image_shape : sequence of int or None
        (height, width) or (height, width, channels) of a row of X, needed with `channels`: the pixels lie row by row,
        the channels of a pixel side by side.
    negative_slope : float
        Of the leaky ReLU between layers; 0 gives a ReLU.
    augment : str, dict or None
        Train on changed images: a recipe of `jcae.augmentation.recipe`, by its name or its settings. Needs
        `image_shape`. Targets, k-means, labels and the final loss see the images as they are.
    """

    hidden: Sequence[int] = (500, 500, 2000)
    code_dim: int = 10
    channels: Sequence[int] | None = None
    image_shape: Sequence[int] | None = None
    negative_slope: float = 0.2
    augment: str | Mapping[str, Any] | None = None

    def transform(self, X: Any) -> np.ndarray:
        """Code (n_samples, code_dim) of X (n_samples, n_features)."""
        return self._apply(self.encode, X)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Decoded points (m, n_features) of codes Z (m, code_dim)."""
        check_is_fitted(self, "network_")
        Z = np.array(Z, dtype=self._array_dtype(), ndmin=2)
        code_dim = self.setting("code_dim")
        if Z.shape[1] != code_dim:
            raise ValueError(f"Z has {Z.shape[1]} columns; the code has {code_dim}")
        return self._map(self.decode, torch.tensor(Z))

    def augmentation(self, X: np.ndarray) -> Augmentation | None:
        """See `DeepEstimator`."""
        recipe = read_recipe(self.augment)
        if recipe is None:
            return None
        check_pixels(self, recipe, X)
        return Augmentation(recipe, self.image_shape)

    @staticmethod
    def encode(network: nn.Module, x: Tensor) -> Tensor:
        """Code (S, m, p) of x (S, m, d)."""
        return network.autoencoder.encode(x)

    @staticmethod
    def decode(network: nn.Module, z: Tensor) -> Tensor:
        """Decoded points (S, m, d) of z (S, m, p)."""
        return network.autoencoder.decode(z)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.precision in PRECISIONS:  # a wrong one is an error of `fit`
            tags.transformer_tags.preserves_dtype = [self._array_dtype().name]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.setting("code_dim")
