"""Methods that are told nothing but K: what they take by themselves, what of it is kept, and where it is overruled."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine

from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.vade import VaDE
from jcae import AECM, Autoencoder
from jcae.jobs.runner import train_block
from jcae.models import rule

METHODS = [AECM, DEC, IDEC, DCN, DKM, VaDE]


@pytest.fixture(scope="module")
def wine():
    X = load_wine().data
    return (X - X.mean(0)) / X.std(0)


def name(cls):
    return cls.__name__


@pytest.mark.parametrize(
    ("n", "d", "hidden", "batch", "epochs"),
    [
        (20, 4, (256,), 16, 10),
        (178, 13, (256,), 16, 15),
        (1797, 64, (128, 128, 256), 64, 52),
        (9298, 256, (128, 128, 256), 64, 10),
        (10992, 16, (64, 64, 256), 256, 35),
        (70000, 784, (500, 500, 2000), 256, 10),
    ],
)
def test_the_rule(n, d, hidden, batch, epochs):
    assert rule.hidden(n, d) == hidden
    assert rule.batch_size(n) == batch
    assert rule.epochs(n, batch) == epochs


@pytest.mark.slow
@pytest.mark.parametrize("cls", METHODS, ids=name)
def test_told_k_alone_a_method_fits_and_says_what_it_took(cls, wine):
    method = cls(3, device="cpu", random_state=0)
    before = method.get_params()
    method.fit(wine)
    assert method.get_params() == before
    took = method.by_rule_
    assert (took["hidden"], took["batch_size"]) == (rule.hidden(178, 13), 16)
    assert took["code_dim"] == method.transform(wine).shape[1] == method.cluster_centers_.shape[1]
    assert took["autoencoder"].epochs == 15
    assert method.inverse_transform(method.cluster_centers_).shape == (3, 13)
    np.testing.assert_array_equal(method.predict(wine), method.labels_)
    told = clone(method).set_params(**took).fit(wine)
    assert told.by_rule_ == {}
    np.testing.assert_array_equal(told.labels_, method.labels_)
    for key, value in told.weights_.items():
        np.testing.assert_array_equal(value, method.weights_[key])


@pytest.mark.parametrize("cls", METHODS, ids=name)
def test_what_is_given_wins(cls):
    method = cls(3, hidden=(8,), batch_size=89, epochs=2).settled(178, 13)
    assert (method.hidden, method.batch_size, method.epochs) == ((8,), 89, 2)
    assert "autoencoder" not in method.by_rule_  # a length of one's own comes with the usual pretraining
    assert method.pretraining().get_params()["epochs"] == Autoencoder().epochs
    ruled = cls(3, batch_size=89).settled(178, 13)
    assert ruled.pretraining().batch_size == 89
    assert ruled.pretraining().epochs == rule.epochs(178, 89)


@pytest.mark.parametrize("cls", METHODS, ids=name)
def test_published_values_are_one_word_away(cls):
    assert cls.published(n_clusters=4).n_clusters == 4
    assert cls.published().hidden == (500, 500, 2000)
    for preset, values in cls.info.presets.items():
        params = cls.published(preset).get_params(deep=False)
        assert {key: params[key] for key in values} == dict(values)
        assert {k: v for k, v in params.items() if k in cls.info.fixed and k not in values} == {
            k: v for k, v in cls.info.fixed.items() if k not in values
        }
    with pytest.raises(ValueError, match=r"preset 'nowhere' is unknown; allowed are \["):
        cls.published("nowhere")
    assert cls.published(next(iter(cls.info.presets)), batch_size=7).batch_size == 7


def test_weights_are_loaded_into_a_network_that_is_told(wine):
    fitted = DKM(3, variant="annealed", device="cpu", random_state=0).fit(wine)
    with pytest.raises(ValueError, match="hidden and code_dim would follow from the number of points"):
        DKM(3).load_weights(fitted.weights_, 13)
    sizes = {"hidden": fitted.by_rule_["hidden"], "code_dim": 64, "epochs": fitted.by_rule_["epochs"]}
    loaded = DKM(3, variant="annealed", device="cpu", **sizes).load_weights(fitted.weights_, 13)
    np.testing.assert_array_equal(loaded.predict_proba(wine), fitted.predict_proba(wine))


def test_a_record_holds_what_the_rule_took(wine, tmp_path):
    np.savez(tmp_path / "features.npz", X=wine.astype(np.float32))
    asked = {"n_clusters": 3, "hidden": [8], "code_dim": None, "max_iter": None, "batch_size": None}
    spec = {"dataset": "wine", "method": "idec", "use": "baselines.idec.IDEC", "params": asked}
    train_block(spec, tmp_path / "features.npz", [0], tmp_path / "block", device="cpu")
    params = json.loads(Path(tmp_path / "block" / "0" / "run.json").read_text())["params"]
    assert params["hidden"] == [8]
    assert (params["code_dim"], params["max_iter"], params["batch_size"]) == (64, 180, 16)
    assert params["update_interval"] == 140
    assert params["autoencoder"] == "Autoencoder(batch_size=16, epochs=15)"
