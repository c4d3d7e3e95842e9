"""Configs: one cause is one message, no key stands twice, and own data are looked at before anything starts."""

import json
from pathlib import Path

import pytest
from project import ROOT
from test_config import config, problems

from jcae.jobs.classes import load_class
from jcae.jobs.config import ConfigError, read_config
from jcae.jobs.plan import make_plan
from jcae.jobs.signature import parameters

# --- one cause, one message


def test_an_unknown_data_set_is_the_only_problem():
    (problem,) = problems(datasets__irish={})
    assert problem.startswith("datasets.irish: unknown data set 'irish'; did you mean 'iris'?")


def test_a_data_set_without_parameters_runs_with_the_default_config():
    plan = make_plan(read_config([ROOT / "config.yaml"], {"datasets": {"iris": {}}, "only": {"datasets": ["iris"]}}))
    assert {method for _, method in plan.jobs} == set(plan.methods)
    start = plan.pretraining["iris", "shared"].spec["params"]
    for name in ("dec", "idec", "dcn", "ae_kmeans", "aecm_pretrained", "n2d", "vade"):
        mine = {**parameters(load_class(plan.jobs["iris", name].spec["use"])), **plan.jobs["iris", name].spec["params"]}
        theirs = {**parameters(load_class("jcae.Autoencoder")), **start}
        for shared in ("hidden", "code_dim", "negative_slope"):
            assert json.dumps(mine[shared]) == json.dumps(theirs[shared]), (name, shared)


def test_a_method_takes_over_the_architecture_of_its_autoencoder_unless_it_says_another():
    small = {"autoencoders__shared__params": {"hidden": [9], "code_dim": 7}}
    plan = make_plan(config(**small, methods__dec__params={}))
    assert plan.jobs["wine", "dec"].spec["params"] == {"hidden": [9], "code_dim": 7, "negative_slope": 0.2}
    (problem,) = problems(**small, methods__dec__params={"code_dim": 8})
    assert "on wine, digits: the method has code_dim = 8; take it out" in problem


# --- doubled keys


@pytest.mark.parametrize(
    ("text", "say"),
    [
        (
            "methods: {a: {use: x.Y}}\nseeds: [0]\nmethods: {b: {use: x.Y}}\n",
            "line 3: the key 'methods' is there already, in line 1",
        ),
        (
            "methods:\n  a:\n    params:\n      batch_size: 3\n      batch_size: 4\n",
            "line 5: the key 'batch_size' is there already, in line 4",
        ),
        ("x: {b: 1, b: 1}\n", "line 1: the key 'b' is there already, in line 1"),
        ("x: &a {b: 1, b: 2}\ny: {<<: *a}\n", "the key 'b' is there already"),
        ("- {b: 1, b: 2}\n", "the key 'b' is there already"),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_file_line_and_key(text, say, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config([tmp_path / "c.yaml"])
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path / 'c.yaml'}: ")
    assert say in problem


def test_merged_keys_may_be_said_again(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "a: &a {b: 1, c: 1}\nd: {<<: *a, b: 2}\ne: {<<: [*a, {c: 3, f: 4}], b: 5}\ng: *a\n"
    )
    found = read_config([tmp_path / "c.yaml"])
    assert found["d"] == {"b": 2, "c": 1}
    assert found["e"] == {"b": 5, "c": 1, "f": 4}
    assert found["g"] == {"b": 1, "c": 1}


# --- own data


def test_paths_of_own_data_start_where_their_config_lies(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "own.yaml").write_text(
        "datasets:\n  m: {file: ../p.csv, truth: y.txt, split: {file: rows.npy}, graph: {file: /e/edges.csv}}\n"
        "  n: {file: p.csv, truth: kind}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = read_config(["sub/own.yaml"])["datasets"]
    assert found["m"] == {
        "file": "p.csv",
        "truth": "sub/y.txt",
        "split": {"file": "sub/rows.npy"},
        "graph": {"file": "/e/edges.csv"},
    }
    assert found["n"] == {"file": "sub/p.csv", "truth": "kind"}


def test_what_is_wrong_with_own_data_is_found_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_text("a,b,kind\n1,2,x\n3,,y\n")
    entry = {"file": "p.csv", "truth": "kind"}
    (problem,) = problems(datasets__mine=entry)
    assert problem.startswith("datasets.mine: p.csv: line 3, column 'b': empty or NaN; fill it, take the row out, or")
    (problem,) = problems(datasets__wine={"graph": {"knn": 178}})
    assert problem == "datasets.wine: wine: 178 neighbours of 178 points (allowed: 1 to 177)"
    Path("edges.csv").write_text("0,178\n")
    (problem,) = problems(datasets__wine={"graph": {"file": "edges.csv"}})
    assert "edges.csv" in problem
    assert "178" in problem
