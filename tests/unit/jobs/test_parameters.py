"""From a config to a class and its arguments, or to an error that says what is wrong."""

import inspect
import sys
from importlib import import_module
from pathlib import Path

import pytest
from block_methods import Deep, Plain
from project import ROOT

import jcae
from baselines.rgc import RGC
from jcae.jobs.classes import MethodError, load_class
from jcae.jobs.parameters import ParameterError, recorded_params, resolve_params
from jcae.jobs.signature import reserved, takes_graph
from jcae.models.estimator import DeepEstimator


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("KMeans", "is not a dotted path"),
        ("sklearn.clusters.KMeans", r"no module 'sklearn.clusters'; did you mean 'cluster'"),
        ("sklearn.cluster.Kmeans", "module sklearn.cluster has no class 'Kmeans'; did you mean 'KMeans'"),
        ("sklearn.cluster.k_means", "is a function, expected a class"),
    ],
)
def test_a_wrong_path_is_explained(use, message):
    with pytest.raises(MethodError, match=message):
        load_class(use)


def test_a_broken_import_inside_a_users_file_is_not_disguised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("own_broken.py").write_text("import a_package_that_is_not_there\n")
    Path("own_sound.py").write_text("class Mine: pass\n")
    with pytest.raises(MethodError, match="importing own_broken failed: No module named 'a_package_that_is_not_there'"):
        load_class("own_broken.Mine")
    assert load_class("own_sound.Mine").__name__ == "Mine"


def test_parameters_come_from_config_card_and_device():
    assert resolve_params(Deep, {}, n_clusters=3, device="cpu") == {"n_clusters": 3, "device": "cpu"}
    assert resolve_params(Deep, {"n_clusters": 5, "device": "cuda"}, n_clusters=3)["n_clusters"] == 5
    mixture = load_class("sklearn.mixture.GaussianMixture")
    assert resolve_params(mixture, {}, n_clusters=3) == {"n_components": 3}
    # here n_components is something else than the number of clusters
    spectral = load_class("sklearn.cluster.SpectralClustering")
    assert resolve_params(spectral, {"n_components": 7}, n_clusters=3) == {"n_clusters": 3, "n_components": 7}
    assert resolve_params(load_class("sklearn.cluster.DBSCAN"), {"eps": 1}, n_clusters=3) == {"eps": 1}


def test_a_class_that_finds_the_number_of_clusters_is_told_it_by_the_config_alone():
    assert resolve_params(RGC, {}, n_clusters=3, device="cpu") == {"device": "cpu"}
    assert resolve_params(RGC, {"n_clusters": 3}, n_clusters=5)["n_clusters"] == 3
    assert recorded_params(RGC, {}, 7)["n_clusters"] is None
    assert "the method finds it" in reserved(RGC)["n_clusters"]


def test_wrong_parameters_list_the_allowed_ones():
    with pytest.raises(ParameterError, match=r"'n_inits'; did you mean 'n_init'.*Allowed: .*max_iter"):
        resolve_params(load_class("sklearn.cluster.KMeans"), {"n_inits": 3})
    with pytest.raises(ParameterError, match="random_state is the seed"):
        resolve_params(Plain, {"random_state": 3})

    class Needs:
        def __init__(self, n_clusters):
            pass

    with pytest.raises(ParameterError, match=r"'n_clusters' is needed; it comes from card\.json"):
        resolve_params(Needs, {})


def deep_methods():
    modules = [jcae, *(import_module(f"baselines.{file.stem}") for file in sorted((ROOT / "baselines").glob("*.py")))]
    found = {cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)}
    return sorted(
        (c for c in found if issubclass(c, DeepEstimator) and not inspect.isabstract(c)), key=lambda c: c.__name__
    )


@pytest.mark.parametrize("cls", deep_methods(), ids=lambda cls: cls.__name__)
def test_a_method_is_given_a_graph_if_and_only_if_it_takes_one(cls):
    """A fit of one that refuses it would fail; of one that needs it, too."""
    refuses = cls.graph_of is DeepEstimator.graph_of
    assert takes_graph(cls) is not refuses
