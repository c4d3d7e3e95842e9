"""Records are checked, and blocks of seeds are named in one way."""

import json
import os
import sys

import pytest

from jcae.jobs import records


def example(**changes):
    record = {
        "schema": 1,
        "dataset": "wine",
        "method": "kmeans",
        "use": "sklearn.cluster.KMeans",
        "label": "k-means",
        "seed": 0,
        "block": [0, 1],
        "status": "ok",
        "reason": None,
        "traceback": None,
        "params": {"n_clusters": 3, "hidden": (500, 10)},
        "info": {"label": "k-means", "summary": "", "reference": None, "deviations": [], "control": False},
        "tuned_with": None,
        "objective": {"name": "inertia_", "value": 1.5},
        "clusters_found": 3,
        "updates": None,
        "epochs": None,
        "data": {"n": 178, "d": 13, "n_clusters": 3, "features_sha256": "0" * 64},
        "code": {"digest": "scikit-learn==1.9.1", "git_commit": None, "dirty": False},
        "versions": {"python": "3.11", "jcae": "0", "numpy": "2", "scipy": "1", "sklearn": "1", "torch": None},
        "device": {"type": "cpu", "name": "a processor", "threads": 1, "precision": "float32"},
        "seconds": 0.5,
        "block_seconds": 1.0,
        "peak_memory_mb": 100.0,
        "peak_gpu_memory_mb": None,
        "started": "2026-01-01T00:00:00.000+00:00",
        "finished": "2026-01-01T00:00:01.000+00:00",
        "pretrained": None,
        "command": "",
    }
    return record | changes


def test_a_record_survives_writing_and_reading(tmp_path):
    path = tmp_path / "new" / "run.json"
    records.write_record(path, example())
    assert records.read_record(path) == json.loads(json.dumps(example()))
    assert os.listdir(path.parent) == ["run.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"status": "great"},
            r"key 'status' is \"great\", allowed are \['ok', 'failed', 'diverged', 'collapsed', 'skipped'\]",
        ),
        ({"seed": -1}, "key 'seed' is -1, which breaks minimum: 0"),
        ({"extra": 1}, "'extra' was unexpected"),
        ({"objective": {"name": "inertia_", "value": "low"}}, "key 'objective.value' is \"low\""),
        ({"device": {"type": "cpu"}}, "key 'device': 'name' is a required property"),
        ({"status": "failed"}, "key 'reason' is null"),
        ({"reason": "none"}, "key 'reason' is \"none\""),
        ({"seconds": float("nan")}, "not JSON"),
        ({"params": {"init": object()}}, "not JSON"),
    ],
)
def test_a_broken_record_is_refused_by_name(tmp_path, changes, message):
    path = tmp_path / "run.json"
    with pytest.raises(records.RecordError, match=message) as caught:
        records.write_record(path, example(**changes))
    assert str(path) in str(caught.value)
    assert not path.exists()


def test_reading_names_a_missing_key_and_a_torn_file(tmp_path):
    path = tmp_path / "run.json"
    record = example()
    del record["seed"]
    path.write_text(json.dumps(record))
    with pytest.raises(records.RecordError, match=r"run\.json: 'seed' is a required property"):
        records.read_record(path)
    path.write_text('{"schema": 1')
    with pytest.raises(records.RecordError, match=r"run\.json: not JSON"):
        records.read_record(path)


def test_without_jsonschema_validation_is_skipped_aloud(tmp_path, monkeypatch):
    records._validator.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    try:
        with pytest.warns(RuntimeWarning, match="not validated"):
            records.write_record(tmp_path / "run.json", example(status="great"))
    finally:
        records._validator.cache_clear()


# --- blocks


@pytest.mark.parametrize(
    ("text", "seeds"), [("0-4", [0, 1, 2, 3, 4]), ("0", [0]), ("0,2,5", [0, 2, 5]), ("0-2,7,9-10", [0, 1, 2, 7, 9, 10])]
)
def test_block_text_and_seeds_are_inverse(text, seeds):
    assert records.parse_block(text) == seeds
    assert records.format_block(seeds) == text


@pytest.mark.parametrize("text", ["", "a", "3-1", "0,,1", "1-", "-1", "0,0", "0-2,1", "0 - 2"])
def test_what_is_no_block_is_refused(text):
    with pytest.raises(ValueError, match="block"):
        records.parse_block(text)


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1]])
def test_what_is_no_list_of_seeds_is_refused(seeds):
    with pytest.raises(ValueError, match="no block"):
        records.format_block(seeds)


def test_jsonable_parameters():
    import numpy as np
    from sklearn.cluster import KMeans

    params = {"a": (1, 2), "b": np.float32(0.5), "c": np.arange(2), "d": float("inf"), "e": KMeans(2), "f": object()}
    found = records.jsonable(params)
    assert found == {
        "a": [1, 2],
        "b": 0.5,
        "c": [0, 1],
        "d": "inf",
        "e": "KMeans(n_clusters=2)",
        "f": "<object object>",
    }
    json.dumps(found, allow_nan=False)
