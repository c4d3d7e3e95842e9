"""From config to plan: precedence of parameters, blocks, digests, and what every mistake is answered with."""

import copy
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from project import CONFIGS, ROOT, config_files

from jcae.data.request import Request
from jcae.jobs.classes import MethodError, load_class
from jcae.jobs.config import ConfigError, read_config
from jcae.jobs.plan import make_plan, method_spec
from jcae.jobs.provenance import code_digest

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())

BASE = {
    "run": "test",
    "seeds": [0, 1, 2],
    "datasets": {"wine": {}, "digits": {}},
    "autoencoders": {"shared": {"params": {"hidden": [8], "code_dim": 10}}},
    "methods": {
        "kmeans": {"use": "sklearn.cluster.KMeans", "params": {"n_init": 20}},
        "gmm": {"use": "sklearn.mixture.GaussianMixture"},
        "cm": {"use": "jcae.ClusteringModule"},
        "dec": {
            "use": "baselines.dec.DEC",
            "autoencoder": "shared",
            "params": {"hidden": [8], "code_dim": 10, "negative_slope": 0.2},
        },
        "truth": {"use": "baselines.true_labels.TrueLabels"},
    },
}


NETWORK = {"hidden": [8], "code_dim": 10, "negative_slope": 0.2}


def config(**changes):
    """The base config; `methods__kmeans__params={...}` sets one entry."""
    result = copy.deepcopy(BASE)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = result
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    return result


@pytest.mark.parametrize("to", [10, 4])
def test_a_range_of_clusters_is_cut_by_what_is_trained(to):
    asked = {"from": 2, "to": to}
    network = {"use": "jcae.AECM", "params": {**NETWORK, "code_dim": 12}, "n_clusters": asked}
    shared = {"use": "baselines.ae_kmeans.AEKMeans", "autoencoder": "shared", "n_clusters": asked}
    alone = {"use": "baselines.ae_kmeans.AEKMeans", "params": NETWORK, "n_clusters": asked}
    changes = {"methods__aecm": network, "methods__shared": shared, "methods__alone": alone}
    plan = make_plan(config(methods__gmm__n_clusters=asked, methods__kmeans__n_clusters=asked, **changes))
    each, block = tuple(map(str, range(2, to + 1))), (f"2-{to}",)
    found = {method: job.counts for (dataset, method), job in plan.jobs.items() if dataset == "wine"}
    expected = {"kmeans": block, "gmm": block, "shared": block, "alone": each, "aecm": each}
    assert found == {**expected, "cm": (), "dec": (), "truth": ()}
    # The run with the number of classes is what it is without a range, and so are its words.
    without = make_plan(config())
    assert plan.jobs["wine", "gmm"].spec == without.jobs["wine", "gmm"].spec
    assert plan.jobs["wine", "gmm"].wording == without.jobs["wine", "gmm"].wording


def problems(**changes):
    with pytest.raises(ConfigError) as caught:
        make_plan(config(**changes))
    return caught.value.problems


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_every_method_meets_every_data_set():
    plan = make_plan(BASE)
    assert set(plan.jobs) == {(d, m) for d in ("wine", "digits") for m in BASE["methods"]}
    assert plan.datasets == ("wine", "digits")
    assert plan.methods == tuple(BASE["methods"])


@pytest.mark.parametrize(
    ("seeds", "size", "blocks"),
    [
        ([0, 1, 2], 1, ("0", "1", "2")),
        ([0, 1, 2, 3, 4], 5, ("0-4",)),
        ([0, 1, 2, 3, 4], 3, ("0-2", "3-4")),
        ([0, 2, 5], 20, ("0,2,5",)),
        ([0, 1, 2], None, ("0", "1", "2")),
    ],
)
def test_seeds_are_cut_into_blocks(seeds, size, blocks):
    assert make_plan(config(seeds=seeds, seeds_per_job=size)).blocks == blocks


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:1"])
def test_a_gpu_trains_all_seeds_in_one_job_unless_told_otherwise(device):
    assert make_plan(config(seeds=[0, 1, 2], seeds_per_job=None, device=device)).blocks == ("0-2",)
    assert make_plan(config(seeds=[0, 1, 2], seeds_per_job=2, device=device)).blocks == ("0-1", "2")


def test_later_parameters_win():
    changes = {
        "datasets__digits__params": {"batch_size": 1, "epochs": 1, "alpha": 1, "learning_rate": 0.5},
        "methods__cm__preset": "usps",  # alpha 40, batch_size 150
        "methods__cm__params": {"alpha": 3, "epochs": 3},
        "methods__cm__datasets": {"digits": {"epochs": 4}},
    }
    plan = make_plan(config(**changes))
    preset = {"batch_size": 150, "adam_eps_placement": "before"}
    expected = {"learning_rate": 0.5, "alpha": 3, "epochs": 4, **preset}
    assert plan.jobs["digits", "cm"].spec["params"] == expected
    assert plan.jobs["wine", "cm"].spec["params"] == {"alpha": 3, "epochs": 3, **preset}


def test_parameters_of_a_data_set_reach_the_methods_that_have_them():
    plan = make_plan(config(datasets__wine__params={"max_iter": 7}))
    assert plan.jobs["wine", "kmeans"].spec["params"] == {"n_init": 20, "max_iter": 7}
    assert plan.jobs["wine", "gmm"].spec["params"] == {"max_iter": 7}
    assert plan.jobs["wine", "cm"].spec["params"] == {}
    assert plan.jobs["digits", "gmm"].spec["params"] == {}


def test_what_is_said_of_one_data_set_wins():
    changes = {
        "methods__cm__params": {"alpha": 3, "batch_size": 7},
        "methods__cm__presets": {"wine": "usps"},  # alpha 40, batch_size 150
        "methods__cm__datasets": {"wine": {"batch_size": 16}},
        "methods__cm__tuned_with": "in general",
        "methods__cm__tuned_on": {"wine": "on wine"},
    }
    plan = make_plan(config(**changes))
    published = {"alpha": 40, "adam_eps_placement": "before"}
    assert plan.jobs["wine", "cm"].spec["params"] == {**published, "batch_size": 16}
    assert plan.jobs["digits", "cm"].spec["params"] == {"alpha": 3, "batch_size": 7}
    assert [plan.jobs[d, "cm"].wording["tuned_with"] for d in ("wine", "digits")] == ["on wine", "in general"]


def test_autoencoders_have_presets():
    network = {"hidden": [500, 500, 2000], "code_dim": 30, "negative_slope": 0.2}
    changes = {
        "autoencoders__shared": {"presets": {"wine": "aecm_usps"}},
        "methods__dec__params": network,
        "methods__dec__only": ["wine"],
    }
    assert make_plan(config(**changes)).pretraining["wine", "shared"].spec["params"]["learning_rate"] == 1e-2


def test_architectures_are_compared_as_numbers():
    shared = {"preset": "dec_keras"}  # negative_slope 0.0, hidden a tuple
    dec = {"hidden": [500, 500, 2000], "code_dim": 10, "negative_slope": 0}
    make_plan(config(autoencoders__shared=shared, methods__dec__params=dec))
    dec["hidden"] = [500, 500, 2001]
    (problem, *_) = problems(autoencoders__shared=shared, methods__dec__params=dec)
    assert "the method has hidden = [500, 500, 2001]" in problem
    assert problem.endswith("the autoencoder 'shared' has [500, 500, 2000]")


def test_overlay_takes_back_what_holds_for_single_data_sets():
    plan = make_plan(config(methods__cm__params={"alpha": 3}, methods__cm__datasets=None))
    assert plan.jobs["wine", "cm"].spec["params"] == {"alpha": 3}


def test_overlay_takes_back_presets_of_single_data_sets():
    shared = {"preset": "dkm", "presets": None, "params": {"epochs": 7, **NETWORK}}
    spec = make_plan(config(autoencoders__shared=shared)).pretraining["wine", "shared"].spec
    assert {k: spec["params"][k] for k in ("optimiser", "reduction", "epochs")} == {
        "optimiser": "adam",
        "reduction": "sum",
        "epochs": 7,
    }


@pytest.mark.parametrize(("factor", "wine", "digits"), [(0.7, 2, 7), (2, 6, 20), (1.5, 4, 15)])
def test_wrong_number_of_clusters_is_part_of_the_label(factor, wine, digits):
    plan = make_plan(config(methods__gmm__n_clusters={"factor": factor}, methods__cm__n_clusters={"factor": factor}))
    assert plan.jobs["wine", "gmm"].spec["params"] == {"n_components": wine}
    assert plan.jobs["digits", "cm"].spec["params"] == {"n_clusters": digits}
    assert plan.jobs["digits", "cm"].wording["label"] == f"CM [{factor:g} K]"
    assert plan.jobs["digits", "gmm"].wording["label"] == f"GaussianMixture [{factor:g} K]"
    assert plan.jobs["digits", "dec"].wording == {"label": "DEC"}


def test_a_method_that_finds_the_number_of_clusters_is_told_it_by_its_factor():
    rgc = {"use": "baselines.rgc.RGC"}
    told = {**rgc, "n_clusters": {"factor": 1}}
    plan = make_plan(config(methods__rgc=rgc, methods__rgc_told=told))
    assert plan.jobs["wine", "rgc"].spec["params"] == {}
    assert plan.jobs["wine", "rgc"].wording["label"] == "RGC"
    assert plan.jobs["wine", "rgc_told"].spec["params"] == {"n_clusters": 3}
    assert plan.jobs["wine", "rgc_told"].wording["label"] == "RGC [1 K]"
    assert plan.jobs["wine", "rgc"].takes_graph


def test_defaults_do_not_enter_the_specs():
    spec = make_plan(BASE).jobs["wine", "gmm"].spec
    assert spec == {"dataset": "wine", "method": "gmm", "use": "sklearn.mixture.GaussianMixture", "params": {}}


def test_variant_of_a_data_set():
    plan = make_plan(config(datasets__wine={"subset": 100, "range": [-1, 5.1]}))
    assert plan.requests == {
        "wine": Request.of("wine", {"subset": 100, "range": [-1, 5.1]}),
        "digits": Request.of("digits"),
    }
    assert json.loads(plan.requests["wine"].options) == {"subset": 100, "range": [-1, 5.1]}


def test_settings_have_the_defaults_of_the_schema():
    plan = make_plan(BASE)
    assert (plan.device, plan.threads, plan.checkpoint_every, plan.mirror) == ("cpu", 1, 0, None)
    assert plan.equivalence["datasets"] == ["wine", "digits"]
    assert plan.equivalence["seeds"] == [0, 1, 2]
    assert plan.equivalence["margin"] == SCHEMA["properties"]["equivalence"]["properties"]["margin"]["default"]


def test_autoencoder_and_truth_go_to_those_who_ask():
    plan = make_plan(BASE)
    assert {key: job.autoencoder for key, job in plan.jobs.items() if job.autoencoder} == {
        ("wine", "dec"): "shared",
        ("digits", "dec"): "shared",
    }
    assert {m for (_, m), job in plan.jobs.items() if job.reads_truth} == {"truth"}
    assert set(plan.pretraining) == {("wine", "shared"), ("digits", "shared")}


def test_only_restricts_grid_and_pretraining():
    plan = make_plan(config(only={"datasets": ["wine"], "methods": ["gmm", "kmeans"]}))
    assert set(plan.jobs) == {("wine", "kmeans"), ("wine", "gmm")}
    assert plan.pretraining == {}
    assert plan.equivalence["datasets"] == ["wine"]


def test_method_can_be_kept_to_some_data_sets():
    plan = make_plan(config(methods__gmm__only=["digits"]))
    assert ("digits", "gmm") in plan.jobs
    assert ("wine", "gmm") not in plan.jobs


def test_code_is_a_digest_of_ours_and_a_version_of_others():
    plan = make_plan(BASE)
    assert plan.jobs["wine", "kmeans"].code.startswith("scikit-learn==")
    assert len(plan.jobs["wine", "dec"].code) == 64
    assert plan.jobs["wine", "dec"].code != plan.jobs["wine", "cm"].code


# --- mistakes ---------------------------------------------------------------------------------------------------------


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


# --- methods in files of somebody ------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    """A method outside of the repository, with a helper beside it."""
    (tmp_path / "beside_own.py").write_text("ANSWER = 1\n")
    file = tmp_path / "own.py"
    source = """
        import beside_own

        class Own:
            def __init__(self, eps, n_clusters=2):
                self.eps, self.n_clusters = eps, n_clusters

            def fit(self, X): ...

        class Judges(Own):
            def check_parameters(self, n_samples, n_features):
                1 / self.eps
    """
    file.write_text(textwrap.dedent(source))
    return file


def test_a_method_is_named_by_its_file(own, monkeypatch):
    entry = {"use": f"{own}:Own", "params": {"eps": 1}}
    plan = make_plan(config(methods__own=entry))
    assert plan.jobs["wine", "own"].spec["use"] == f"{own}:Own"
    monkeypatch.chdir(own.parent)
    assert make_plan(config(methods__own=entry | {"use": "own.py:Own"})).jobs["wine", "own"].code == (
        plan.jobs["wine", "own"].code
    )
    assert load_class("./own.py:Own") is load_class(f"{own}:Own")


@pytest.mark.parametrize("name", ["own.py", "beside_own.py"])
def test_a_changed_file_is_trained_again(own, name):
    before = code_digest(load_class(f"{own}:Own"))
    (own.parent / "unrelated.py").write_text("x = 1\n")
    assert code_digest(load_class(f"{own}:Own")) == before
    with (own.parent / name).open("a") as file:
        file.write("changed = 1\n")
    assert code_digest(load_class(f"{own}:Own")) != before


def test_where_the_file_lies_does_not_matter(own, tmp_path):
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in own.parent.glob("*.py"):
        (copy / file.name).write_text(file.read_text())
    assert code_digest(load_class(f"{copy}/own.py:Own")) == code_digest(load_class(f"{own}:Own"))


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        (
            "Own",
            {"eps": 1, "ebs": 2},
            "methods.own.params.ebs: Own in {own} has no such parameter; did you mean 'eps'?",
        ),
        ("Own", {}, "methods.own.params: Own in {own} needs 'eps', which has no default"),
        ("Judges", {"eps": 0}, "methods.own: on wine, digits: ZeroDivisionError: division by zero"),
        ("Owm", {}, "file {own} has no class 'Owm'; did you mean 'Own'?"),
    ],
)
def test_mistakes_in_a_file_are_named_with_file_and_class(own, name, params, expected):
    found = problems(methods__own={"use": f"{own}:{name}", "params": params})
    assert any(expected.format(own=own) in problem for problem in found), found


def test_a_file_that_is_missing_or_broken(own):
    with pytest.raises(MethodError, match=r"there is no file .*/owm\.py; did you mean 'own.py'"):
        load_class(f"{own.parent}/owm.py:Own")
    own.write_text("def f(:\n")
    with pytest.raises(MethodError, match=r"importing .*own\.py failed: SyntaxError"):
        load_class(f"{own}:Own")


def test_spec_of_one_method():
    spec = method_spec(config(methods__gmm__only=[]), "gmm")
    assert spec == {"dataset": "wine", "method": "gmm", "use": "sklearn.mixture.GaussianMixture", "params": {}}
    with pytest.raises(ConfigError, match="'gm' is no method of this config; did you mean 'gmm'"):
        method_spec(BASE, "gm")


# --- files ------------------------------------------------------------------------------------------------------------


def test_overlays_merge_mappings_and_replace_the_rest(tmp_path):
    (tmp_path / "a.yaml").write_text("run: a\nseeds: [0, 1]\ndata: {mirror: null}\nmethods: {m: {use: x.Y}}\n")
    (tmp_path / "b.yaml").write_text("seeds: [5]\nmethods: {m: {label: M}}\n")
    merged = read_config([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    expected = {"run": "a", "seeds": [5], "data": {"mirror": None}, "methods": {"m": {"use": "x.Y", "label": "M"}}}
    assert merged == expected


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "x"])
def test_file_that_is_no_config_is_refused(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError):
        make_plan(read_config([tmp_path / "a.yaml"]))


def shipped(name):
    return read_config([ROOT / file for file in ["config.yaml", *config_files(name)]])


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.filterwarnings("ignore:orthonormality=0")
def test_shipped_configs_are_right(name):
    plan = make_plan(shipped(name))
    assert plan.run == ("paper" if name == "more_data" else name)


def test_grid_of_the_paper_has_the_published_values():
    plan = make_plan(shipped("paper"))
    assert len(plan.datasets) == 8
    params = plan.jobs["usps", "aecm_random"].spec["params"]
    assert [params[name] for name in ("code_dim", "beta", "alpha", "batch_size")] == [30, 0.04, 3, 45]
    assert (params["epochs"], params["adam_eps_placement"], params["init"]) == (1000, "before", "random")
    params = plan.jobs["newsgroups", "dkm_random"].spec["params"]
    assert (params["weight"], params["variant"], params["code_dim"]) == (1e-4, "annealed", 100)
    assert "adam_eps" not in params
    params = plan.jobs["usps", "dec"].spec["params"]
    assert (params["epochs"], params["update_interval"], params["adam_eps"]) == (1000, 30, 1e-3)
    assert plan.pretraining["newsgroups", "shared"].spec["params"]["learning_rate"] == 1.0
    specs = [job.spec["params"] for job in (*plan.jobs.values(), *plan.pretraining.values())]
    assert not any("decay_epochs" in params for params in specs)  # theirs never acts
    starts = [job.spec["params"] for job in plan.pretraining.values()]
    assert {(p["reduction"], p["freeze_first_kernel"], p["optimiser"]) for p in starts} == {
        ("sum_over_points", True, "sgd")
    }
    assert {plan.jobs[d, "cm_pretrained"].spec["params"]["epochs"] for d in plan.datasets} == {150}


def test_more_data_keeps_the_grid_of_the_paper():
    paper, more = make_plan(shipped("paper")), make_plan(shipped("more_data"))
    assert {key: job.spec for key, job in more.jobs.items() if key in paper.jobs} == {
        key: job.spec for key, job in paper.jobs.items()
    }
    assert len(more.datasets) > 2 * len(paper.datasets)
    for (dataset, _), job in more.jobs.items():  # no method is said to be published for data on which it is not
        assert dataset in paper.datasets or "not tuned" in job.wording.get("tuned_with", "not tuned")


def test_extras_of_the_paper_can_be_switched_on():
    changed = shipped("paper")
    changed["methods"]["vade"]["only"] = ["mnist", "reuters10k"]
    changed["methods"]["n2d"]["only"] = ["usps"]
    plan = make_plan(changed)
    assert plan.jobs["mnist", "vade"].spec["params"]["epochs"] == 3000
    assert plan.jobs["reuters10k", "vade"].spec["params"]["start"] == "kmeans"
    assert ("usps", "n2d") in plan.jobs


@pytest.mark.filterwarnings("ignore:orthonormality=0")
def test_variations_of_the_ablation_change_what_they_say():
    plan = make_plan(shipped("ablation"))
    for dataset in plan.datasets:
        base = plan.jobs[dataset, "aecm_random"].spec["params"]
        for method in plan.methods:
            job = plan.jobs[dataset, method]
            if job.spec["use"] != "jcae.AECM" or method in ("aecm_random", "aecm_pretrained", "pretrained_at_once"):
                continue
            params = job.spec["params"]
            assert base.keys() <= params.keys()
            changed = {key for key in params if params[key] != base.get(key)}
            assert len(changed) == 1 or changed == {"batch_size", "alpha"} or method == "normalised", method
        once = plan.jobs[dataset, "pretrained_at_once"].spec["params"]
        assert once == plan.jobs[dataset, "aecm_pretrained"].spec["params"] | {"module_epochs": 0}


def test_honest_config_has_one_setting_per_method():
    plan = make_plan(shipped("honest"))
    for method in plan.methods:
        settings = [job.spec["params"] for (_, name), job in plan.jobs.items() if name == method]
        assert all(params == settings[0] for params in settings), method


def test_default_config_states_every_setting():
    stated = read_config([ROOT / "config.yaml"])
    for key, value in SCHEMA["properties"].items():
        assert key in stated
        for inner in value.get("properties", {}):
            assert inner in stated[key]


def test_schema_describes_every_key():
    def undescribed(schema, place):
        for key, sub in schema.get("properties", {}).items():
            if "description" not in sub and "$ref" not in sub:
                yield f"{place}.{key}"
            yield from undescribed(sub, f"{place}.{key}")
        if isinstance(schema.get("additionalProperties"), dict):
            yield from undescribed(schema["additionalProperties"], place)

    assert not list(undescribed(SCHEMA, ""))


@pytest.mark.slow
def test_command_line_prints_problems_without_a_traceback(tmp_path):
    (tmp_path / "bad.yaml").write_text("runn: x\n")
    command = [sys.executable, "-m", "jcae", "check-config", ROOT / "config.yaml", tmp_path / "bad.yaml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert "unknown key 'runn'; did you mean 'run'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_parameters_that_methods_share_are_judged_for_the_data():
    """Before any job starts, as their own ones are: a recipe, and images that are not those of the data."""
    recipe = problems(autoencoders__shared__params__augment="heritag")[0]
    assert recipe.startswith("autoencoders.shared: on wine, digits: Autoencoder: augment: recipe='heritag' is unknown")
    shape = problems(datasets__wine__params={"image_shape": [3, 5]})
    assert any("image_shape=[3, 5] does not fit data with 13 features" in problem for problem in shape)
    flat = problems(methods__dec__params__augment={"rotate": 10})[0]
    assert "augment={'rotate': 10} needs image_shape" in flat


# --- comparison and ledger --------------------------------------------------------------------------------------------


def test_comparison_and_ledger_have_defaults_and_are_checked():
    plan = make_plan(BASE)
    assert plan.comparison == {"reference": None, "variants": None, "level": 0.05, "rope": 0.01}
    assert plan.ledger == {"published": None, "margin": 0.01, "length": "unknown"}
    assert make_plan(config(comparison__reference="cm")).comparison["reference"] == "cm"
    assert problems(comparison__reference="kmean")[0].startswith("comparison.reference: 'kmean' is no method of this")
    assert make_plan(config(comparison__variants={"gmm": "cm"})).comparison["variants"] == {"gmm": "cm"}
    assert problems(comparison__variants={"gm": "cm"})[0].startswith("comparison.variants: 'gm' is no method of this")
    assert problems(comparison__variants={"gmm": "c"})[0].startswith("comparison.variants.gmm: 'c' is no method of")
    assert problems(comparison__variants={"cm": "cm"})[0] == "comparison.variants.cm: is a variant of itself"
    assert "ledger.length" in problems(ledger__length="short")[0]
    assert "comparison.rope" in problems(comparison__rope=0)[0]


# --- paths of own data ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "file", "wanted"),
    [
        ("mine.yaml", "points.csv", "points.csv"),
        ("mine.yaml", "{here}/points.csv", "points.csv"),
        ("{here}/mine.yaml", "points.csv", "points.csv"),  # as snakemake names a file that was called mine.yaml
        ("sub/mine.yaml", "points.csv", "sub/points.csv"),
        ("sub/mine.yaml", "../points.csv", "points.csv"),
        ("{beside}/mine.yaml", "points.csv", "{beside}/points.csv"),
        ("mine.yaml", "../beside/points.csv", "../beside/points.csv"),
    ],
)
def test_own_files_are_named_from_the_working_directory(config, file, wanted, tmp_path, monkeypatch):
    here, beside = tmp_path / "here", tmp_path / "beside"
    (here / "sub").mkdir(parents=True)
    beside.mkdir()
    monkeypatch.chdir(here)
    config, file, wanted = (text.format(here=here, beside=beside) for text in (config, file, wanted))
    entry = {"file": file, "truth": file, "split": {"file": file}, "graph": {"file": file}}
    Path(config).write_text(yaml.safe_dump({"datasets": {"mine": entry}}))
    found = read_config([config])["datasets"]["mine"]
    assert {found["file"], found["truth"], found["split"]["file"], found["graph"]["file"]} == {wanted}
