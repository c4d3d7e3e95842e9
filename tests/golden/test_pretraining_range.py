"""What the AE-CM authors' pretraining reaches on real USPS, in short: theirs has an error of 0.0207 after 10 epochs."""

import numpy as np
import pytest

from jcae import Autoencoder
from jcae.data.catalogue import CATALOGUE
from jcae.data.fetch import fetch
from jcae.data.loaders import LOADERS

pytestmark = pytest.mark.slow


def test_short_pretraining_on_usps(mirror, tmp_path):
    X = LOADERS["usps"](fetch(CATALOGUE["usps"], tmp_path, mirror=mirror))[0]
    recipe = Autoencoder.info.presets["aecm_usps"] | {"epochs": 10, "device": "cpu"}
    (fit,) = Autoencoder(**recipe).fit_seeds(X, [0])
    error = np.square(X - fit.inverse_transform(fit.transform(X))).mean()
    assert 0.019 < error < 0.0225
