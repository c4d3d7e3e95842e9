"""Parameters as fields: every class has those of today, signature and docstring show them all."""

import inspect
from dataclasses import field

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import ClassDoc
from sklearn.base import clone

from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.n2d import N2D
from baselines.vade import VaDE
from jcae import AECM, Autoencoder, ClusteringModule
from jcae.jobs.parameters import recorded_params, resolve_params
from jcae.jobs.records import jsonable
from jcae.jobs.signature import parameters
from jcae.models.clusterer import DeepClusterer
from jcae.models.parameters import COMMON
from jcae.models.pretrained import PretrainedClusterer

DEVICE = {"device": "auto", "precision": "float32", "random_state": None, "verbose": 0}
LAYERS = {"hidden": (500, 500, 2000), "code_dim": 10, "channels": None, "image_shape": None, "augment": None}
SLOPED, RELU = {**LAYERS, "negative_slope": 0.2}, {**LAYERS, "negative_slope": 0.0}
STARTED = {"n_clusters": 10, "autoencoder": None, **DEVICE}
DEC_SHARED = {"adam_eps": 1e-8, "batch_size": 256, "max_iter": 20000, "epochs": None, "update_interval": 140}
EPS = {"adam_eps_placement": "after"}
DEC_SHARED |= {**EPS, "tol": 0.001, "decay_epochs": None, **RELU, **STARTED}
MODULE = {"alpha": 10.0, "init": "random", "loss": "paper", "batch_size": 256, "learning_rate": 1e-3}
MODULE |= {**EPS, "adam_eps": 1e-3, "decay_epochs": None, "averaging_epoch": True}
# What each class publishes, and runs have; their configs name only what differs from it, so none may move.
DEFAULTS = {
    Autoencoder: {
        **{**SLOPED, **DEVICE, "initialiser": "glorot", "reduction": "mean", "optimiser": "adam"},
        "freeze_first_kernel": False,
        **{"learning_rate": 1e-3, "momentum": 0.9, "epochs": 100, "batch_size": 256, "decay_epochs": None},
    },
    ClusteringModule: {"n_clusters": 8, "epochs": 150, **MODULE, **DEVICE},
    AECM: {
        **{**MODULE, **SLOPED, **STARTED, "beta": 1.0, "orthonormality": 1.0, "distortion": 1.0, "sparsity": 1.0},
        **{"epochs": 1000, "module_epochs": 100, "initialiser": "glorot"},
    },
    AEKMeans: {**SLOPED, **STARTED},
    DEC: {**DEC_SHARED, "optimiser": "sgd", "learning_rate": 0.01, "momentum": 0.9},
    IDEC: {**DEC_SHARED, "optimiser": "adam", "learning_rate": 1e-3, "momentum": 0.99, "gamma": 0.1},
    DCN: {
        **{**RELU, **STARTED, "weight": 40.0, "initial_count": 100, "frozen": False, "learning_rate": 1e-4},
        **{**EPS, "adam_eps": 1e-8, "epochs": 50, "batch_size": 128, "decay_epochs": None},
        **{"reduction": "mean", "assign_every": "batch"},
    },
    DKM: {
        **{**RELU, **STARTED, "variant": "pretrained", "weight": 1.0, "learning_rate": 1e-3, "adam_eps": 1e-8},
        **{**EPS, "epochs": 100, "batch_size": 256, "decay_epochs": None, "hardness_values": 40},
    },
    VaDE: {
        **{**RELU, **STARTED, "likelihood": "bernoulli", "reconstruction_weight": 1.0, "start": "mixture"},
        **{"log_variance_start": 0.0, "log_variance_floor": -7.0, "learning_rate": 2e-3, "adam_eps": 1e-4},
        **{"mixture_learning_rate": 2e-3, "decay_epochs": 10, "decay_factor": 0.9, "min_learning_rate": 2e-4},
        **{"epochs": 3000, "batch_size": 100},
    },
    N2D: {**RELU, **STARTED, "manifold_dim": None, "n_neighbors": 20, "min_dist": 0.0},
}
by_name = pytest.mark.parametrize("cls", DEFAULTS, ids=lambda cls: cls.__name__)


@by_name
def test_names_and_defaults_are_those_that_were_published(cls):
    assert cls.published().get_params() == DEFAULTS[cls]
    assert parameters(cls) == DEFAULTS[cls]
    signature = inspect.signature(cls).parameters
    stated = {name: one.default for name, one in signature.items()}
    assert {**stated, **cls.info.fixed} == DEFAULTS[cls]
    in_a_run = recorded_params(cls, resolve_params(cls, {}, n_clusters=DEFAULTS[cls].get("n_clusters")), seed=7)
    expected = {**DEFAULTS[cls], "random_state": 7, "device": "auto"}
    assert in_a_run == {name: jsonable(value) for name, value in expected.items() if name != "verbose"}
    first, *others = signature.values()
    if "n_clusters" in signature:
        assert (first.name, cls(3).n_clusters) == ("n_clusters", 3)
        assert first.kind is first.POSITIONAL_OR_KEYWORD
    assert all(one.kind is one.KEYWORD_ONLY for one in others)


@by_name
def test_every_parameter_is_stored_cloned_and_set_as_it_is(cls):
    given = {name: object() for name in DEFAULTS[cls]}
    estimator = cls(**given)
    assert estimator.get_params(deep=False) == given
    assert clone(cls(random_state=3), safe=False).random_state == 3
    assert cls().set_params(**given).get_params(deep=False) == given
    assert "precision='tf32'" in repr(cls(precision="tf32"))


@by_name
def test_the_docstring_explains_every_parameter_once(cls):
    entries = ClassDoc(cls)["Parameters"]
    explained = [name for entry in entries for name in entry.name.split(", ")]
    assert sorted(explained) == sorted(DEFAULTS[cls])
    assert all(entry.desc or entry.type for entry in entries)
    if "n_clusters" in DEFAULTS[cls]:
        assert explained[0] == "n_clusters"


def test_the_docstring_explains_every_attribute_of_a_fit_once():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["a", "b", "c"])
    fitted = AECM(2, hidden=(4,), epochs=1, device="cpu", random_state=0).fit(X)
    explained = [name for entry in ClassDoc(AECM)["Attributes"] for name in entry.name.split(", ")]
    there = {name for name in vars(fitted) if name.endswith("_")} | {"weights_", "feature_names_in_", "n_features_in_"}
    assert sorted(explained) == sorted(there)
    assert "code space" in ClassDoc(AECM)["Attributes"][0].desc[0]
    assert [entry.name for entry in ClassDoc(DEC)["Attributes"]].count("labels_") == 1


class Mine(PretrainedClusterer):
    """Mine.

    Parameters
    ----------
    weight, other : float
        Of the loss.

    Attributes
    ----------
    labels_ : ndarray
    """

    weight: float = 1.0
    other: float = 2.0
    epochs: int = 7


class Yours(Mine):
    """Yours."""

    epochs: int = 9
    code_dim: int = 2


class Written(DeepClusterer):
    """With a constructor of its own."""

    def __init__(self, n_clusters=4, *, width=3):
        self.n_clusters, self.width = n_clusters, width


class Below(Written):
    """A subclass of that."""


def test_a_subclass_inherits_and_restates():
    assert (Mine().epochs, Yours().epochs, Yours().code_dim, Yours(other=5.0).other) == (7, 9, 2, 5.0)
    parts = Yours.__doc__.split("\n\n")
    assert parts[0] == "Yours."
    assert parts[1].startswith("Parameters\n----------\nn_clusters : int\n    K.\n")
    assert "weight, other : float\n    Of the loss.\n" in parts[1]
    assert Mine.__doc__.index("weight, other") < Mine.__doc__.index("hidden") < Mine.__doc__.index("Attributes\n---")
    assert "hidden" not in Written.__doc__


def test_a_constructor_that_is_written_out_stays():
    assert Below(2, width=9).get_params() == {"n_clusters": 2, "width": 9}


def test_a_default_without_its_type_is_refused():
    with pytest.raises(TypeError, match=r"Wrong: code_dim = 3 has no effect without its type; write code_dim: int = 3"):

        class Wrong(PretrainedClusterer):
            code_dim = 3


def test_the_first_argument_alone_is_given_by_place():
    class Fewer(DeepClusterer):
        n_clusters: int = field(default=2, kw_only=False)
        size: int = 1

    assert Fewer(5).n_clusters == 5
    with pytest.raises(TypeError):
        Fewer(5, 3)


@pytest.mark.parametrize("name", COMMON)
def test_common_parameters_are_checked_wherever_they_are(name):
    """None is allowed where it is the default."""
    for cls in DEFAULTS:
        if name in DEFAULTS[cls]:
            estimator = cls(**{name: -1.0}, device="cpu")
            with pytest.raises(
                ValueError, match=rf"{cls.__name__}: {name}=-1.0 is (not allowed; it must be|unknown; allowed are)"
            ):
                estimator.fit([[0.0] * 4] * 12)
            if inspect.signature(cls).parameters[name].default is not None:
                with pytest.raises(ValueError, match=f"{name}=None is (not allowed|unknown)"):
                    cls(**{name: None}, device="cpu").fit([[0.0] * 4] * 12)
