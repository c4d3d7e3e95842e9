"""What every mistake in a config is answered with."""

import pytest
from two_sets import NETWORK, config, problems

from jcae.jobs.classes import MethodError, load_class
from jcae.jobs.config import ConfigError
from jcae.jobs.plan import make_plan


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seedz": [1]}, "unknown key 'seedz'; did you mean 'seeds'?"),
        ({"methods__gmm__parms": {}}, "methods.gmm: unknown key 'parms'; did you mean 'params'?"),
        ({"seeds": 5}, "seeds: is 5 (a whole number), expected a list"),
        ({"seeds": [0, "1"]}, "seeds.1: is '1' (text), expected a whole number"),
        ({"seeds": [0, 0]}, "seeds: [0, 0] has non-unique elements"),
        ({"seeds_per_job": 0}, "seeds_per_job: 0 is less than the minimum of 1"),
        ({"device": "gpu"}, "device: 'gpu' is not allowed"),
        ({"datasets__wines": {}}, "datasets.wines: unknown data set 'wines'; did you mean 'wine'?"),
        ({"datasets__wine": None}, "datasets.wine: is null, expected keys and values"),
        ({"datasets__wine__range": [1, 0]}, "datasets.wine.range: range from 1 to 0 (allowed: two numbers, the first"),
        ({"datasets__wine__range": [0, 1, 2]}, "datasets.wine.range: [0, 1, 2] is too long"),
        ({"datasets__wine__range": [0, "2"]}, "datasets.wine.range.1: is '2' (text), expected a number"),
        ({"methods__gmm__use": "sklearn.mixture.GausianMixture"}, "did you mean 'GaussianMixture'?"),
        ({"methods__gmm__use": "sklearn.mixtur.GaussianMixture"}, "there is no module 'sklearn.mixtur'; did you mean"),
        ({"methods__gmm__use": "baselines.idek.DEC"}, "there is no module 'baselines.idek'; did you mean 'idec'?"),
        ({"methods__gmm__use": "sklearn.cluster.k_means"}, "expected a class"),
        ({"methods__gmm__use": "numpy.ndarray"}, "has neither `fit` nor `fit_predict`"),
        ({"methods__gmm__params": {"tool": 1}}, "methods.gmm.params.tool: GaussianMixture has no such parameter"),
        ({"methods__gmm__datasets": {"wine": {"tool": 1}}}, "methods.gmm.datasets.wine.tool: GaussianMixture has no"),
        ({"methods__gmm__datasets": {"iris": {}}}, "methods.gmm.datasets: 'iris' is no data set of this config"),
        ({"methods__gmm__only": ["iris"]}, "methods.gmm.only: 'iris' is no data set of this config"),
        ({"datasets__wine__params": {"n_innit": 1}}, "no method has this parameter; did you mean 'n_init'?"),
        ({"methods__gmm__params": {"random_state": 1}}, "params.random_state: is not set here; it comes from `seeds`"),
        ({"methods__gmm__params": {"n_components": 1}}, "it is the number of classes of the data set"),
        ({"methods__gmm__params": {"tol": "1e-3"}}, "1e-3 is text in YAML, a number needs a point: 1.0e-03"),
        ({"methods__cm__preset": "mnits"}, "methods.cm.preset: unknown preset 'mnits'; did you mean 'mnist'?"),
        ({"methods__cm__presets": {"wine": "mnits"}}, "methods.cm.presets.wine: unknown preset 'mnits'; did you mean"),
        ({"methods__cm__presets": {"iris": "mnist"}}, "methods.cm.presets: 'iris' is no data set of this config"),
        ({"methods__cm__tuned_on": {"iris": "x"}}, "methods.cm.tuned_on: 'iris' is no data set of this config"),
        ({"autoencoders__shared__preset": "mnist"}, "autoencoders.shared.preset: unknown preset 'mnist'"),
        (
            {"methods__cm__n_clusters": {"factor": 0.4}},
            "methods.cm.n_clusters: on wine 0.4 of 3 classes is 1; at least",
        ),
        ({"methods__cm__n_clusters": {"factor": 1.1}}, "on wine 1.1 of 3 classes is the number of classes"),
        ({"methods__cm__n_clusters": 5}, "methods.cm.n_clusters: is 5 (a whole number), expected keys and values"),
        (
            {"methods__rgc": {"use": "baselines.rgc.RGC", "params": {"n_clusters": 3}}},
            "methods.rgc.params.n_clusters: is not set here; the method finds it",
        ),
        ({"methods__truth__n_clusters": {"factor": 2}}, "TrueLabels is not told a number of clusters"),
        ({"methods__truth__n_clusters": {"from": 2, "to": 5}}, "TrueLabels is not told a number of clusters"),
        (
            {"methods__gmm": {"use": "sklearn.cluster.DBSCAN", "n_clusters": {"from": 2, "to": 5}}},
            "methods.gmm.n_clusters: DBSCAN is not told a number of clusters",
        ),
        ({"methods__gmm__n_clusters": {"from": 9, "to": 4}}, "gmm.n_clusters: from = 9 is above to = 4; a range"),
        ({"methods__gmm__n_clusters": {"from": 1, "to": 4}}, "gmm.n_clusters.from: 1 is less than the minimum of 2"),
        (
            {"methods__gmm__n_clusters": {"from": 2, "to": 178}},
            "gmm.n_clusters.to: on wine it is 178, where methods are fitted on 178 points; at most 177 are allowed",
        ),
        ({"methods__gmm__n_clusters": {"from": 2}}, "methods.gmm.n_clusters: has no to; give from and to, or a factor"),
        ({"methods__gmm__n_clusters": {}}, "methods.gmm.n_clusters: has no from and no to; give from and to, or a"),
        ({"methods__gmm__n_clusters": {"from": 2, "to": 4, "factor": 2}}, "gmm.n_clusters: has a factor and a range;"),
        ({"methods__gmm__n_clusters": {"from": "two", "to": 4}}, "n_clusters.from: is 'two' (text), expected a whole"),
        ({"methods__gmm__n_clusters": {"from": 2, "to": 4.5}}, "n_clusters.to: is 4.5 (a number), expected a whole"),
        ({"methods__gmm__n_clusters": {"from": 2, "until": 4}}, "methods.gmm.n_clusters: unknown key 'until'"),
        ({"methods__gmm__n_clusters": "2-20"}, "methods.gmm.n_clusters: is '2-20' (text), expected keys and values"),
        (
            {"methods__aecm": {"use": "jcae.AECM", "params": NETWORK, "n_clusters": {"from": 2, "to": 11}}},
            "methods.aecm.n_clusters: on wine, digits: ",
        ),
        ({"tuning": {"kmean": {"n_init": {}}}}, "tuning.kmean: 'kmean' is no method of this config; did you mean"),
        ({"tuning": {"cm": {"alfa": {"choices": [1, 2]}}}}, "tuning.cm.alfa: ClusteringModule has no such parameter"),
        ({"tuning": {"cm": {"n_clusters": {"low": 2, "high": 3}}}}, "tuning.cm.n_clusters: is not set here"),
        ({"tuning": {"cm": {"alpha": {"low": 2}}}}, "tuning.cm.alpha: has no high; give low and high, or choices"),
        ({"tuning": {"cm": {"alpha": {"low": 2, "choices": [1, 2]}}}}, "tuning.cm.alpha: has choices and a range"),
        ({"tuning": {"cm": {"alpha": {"low": 2, "high": 1}}}}, "tuning.cm.alpha: low = 2 is not below high = 1"),
        ({"tuning": {"cm": {"alpha": {"low": 0, "high": 1, "log": True}}}}, "low = 0 on a logarithmic scale"),
        ({"tuning": {"cm": {"alpha": {"lo": 0}}}}, "tuning.cm.alpha: unknown key 'lo'; did you mean 'low'?"),
        ({"tuning": {"cm": {"alpha": {"low": "1e-3"}}}}, "tuning.cm.alpha.low: is '1e-3' (text), expected a number"),
        ({"tuning": {"dec": {"code_dim": {"low": 2, "high": 9}}}}, "is the shape of the autoencoder that the method"),
        ({"methods__gmm__preset": "mnist"}, "sklearn.mixture.GaussianMixture publishes none"),
        (
            {"methods__cm__params": {"init": "kmeens"}},
            "methods.cm: on wine, digits: ClusteringModule: init='kmeens' is unknown",
        ),
        ({"methods__dec__autoencoder": "sharde"}, "'sharde' is no key of `autoencoders`; did you mean 'shared'?"),
        ({"methods__gmm__autoencoder": "shared"}, "GaussianMixture cannot start from pretrained weights"),
        (
            {"methods__cm__autoencoder": "shared"},
            "ClusteringModule starts from random weights with these parameters and",
        ),
        (
            {"methods__aecm": {"use": "jcae.AECM", "autoencoder": "shared", "params": NETWORK | {"init": "random"}}},
            "methods.aecm.autoencoder: on wine, digits: AECM starts from random weights with these parameters and",
        ),
        ({"methods__gmm__use": "mine.py"}, "'mine.py' names a file and no class; write mine.py:Class"),
        ({"methods__gmm__use": "no/mine.py:Mine"}, "no/mine.py"),
        ({"methods__gmm__use": "mine.txt:Mine"}, "methods.gmm.use: 'mine.txt:Mine' is not allowed"),
        (
            {"methods__dec__params__code_dim": 11},
            "the method has code_dim = 11; take it out, or say it of the data set",
        ),
        (
            {"methods__dec__params__negative_slope": 0},
            "the method has negative_slope = 0; take it out, or say it of the data set",
        ),
        ({"autoencoders__shared__params": {"hiden": [8]}}, "Autoencoder has no such parameter; did you mean 'hidden'?"),
        ({"only": {"methods": ["kmean"]}}, "only.methods: 'kmean' is no method of this config; did you mean 'kmeans'?"),
        ({"only": {"methods": []}}, "nothing to run"),
        ({"equivalence": {"datasets": ["iris"]}}, "equivalence.datasets: 'iris' is no data set of this config"),
        ({"equivalence": {"margin": 0}}, "equivalence.margin: 0 is less than or equal to the minimum of 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_mistake_is_named_with_its_place(changes, expected):
    found = problems(**changes)
    assert any(expected in problem for problem in found), found


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "-rf", "a b", "a;b", "$(x)", "a'b", "x" * 65, "ä"])
@pytest.mark.parametrize("section", ["methods", "datasets", "autoencoders"])
def test_hostile_names_are_refused(section, name):
    changed = config(methods={"kmeans": {"use": "sklearn.cluster.KMeans"}}, autoencoders={})
    changed[section][name] = {"use": "sklearn.cluster.KMeans"} if section == "methods" else {}
    with pytest.raises(ConfigError, match=r"is not a safe name|is too long"):
        make_plan(changed)


@pytest.mark.parametrize("run", ["../x", "a/b", "", "a b", "$(x)", 5, None])
def test_hostile_name_of_the_run_is_refused(run):
    assert any(problem.startswith("run: ") for problem in problems(run=run))


def test_all_problems_are_reported_together():
    found = problems(
        seeds="x", methods__a={"use": "x.Y"}, methods__b={"use": 3}, methods__gmm__params={"tool": 1}, only={"x": 1}
    )
    assert len(found) == 5


def test_empty_config_says_what_is_missing():
    with pytest.raises(ConfigError) as caught:
        make_plan({})
    assert "the key 'methods' is missing (an overlay alone is no config: name config.yaml before it)" in str(
        caught.value
    )


def test_broken_file_of_a_method_is_a_problem_of_the_config(tmp_path, monkeypatch):
    (tmp_path / "broken_method.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "importing broken_method failed: SyntaxError" in problems(methods__gmm__use="broken_method.X")[0]


def test_missing_dependency_of_a_method_is_not_taken_for_a_missing_method(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MethodError, match="importing needs_more failed: No module named 'not_there_at_all'"):
        load_class("needs_more.X")
