"""What the tests of jobs share."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_wine


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    """A folder with standardised data, their classes and a card."""
    folder = tmp_path_factory.mktemp("wine")
    X, y = load_wine(return_X_y=True)
    X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
    np.savez(folder / "features.npz", X=X)
    np.savez(folder / "truth.npz", y=y.astype(np.int64), class_names=np.array(["a", "b", "c"]))
    card = {"n_clusters": 3, "features_sha256": "a" * 64}
    (folder / "card.json").write_text(json.dumps(card))
    return folder
