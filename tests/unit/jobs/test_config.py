"""From config to plan: precedence of parameters, blocks, digests, comparison and ledger."""

import json

import pytest
import yaml
from project import ROOT
from two_sets import BASE, NETWORK, config, problems

from jcae.data.request import Request
from jcae.jobs.plan import make_plan

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


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
