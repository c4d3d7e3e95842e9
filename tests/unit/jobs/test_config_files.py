"""Files of configs: overlays, those that are shipped, paths of own data."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import CONFIGS, ROOT, config_files
from two_sets import problems

from jcae.jobs.config import ConfigError, read_config
from jcae.jobs.plan import make_plan

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


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
