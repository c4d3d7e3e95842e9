"""Configs and run records with anything anywhere: a plan or a record, or one error that says what is wrong with it."""

import json
from copy import deepcopy
from functools import cache
from random import Random

import pytest
from test_records import example
from two_sets import BASE

from jcae.jobs import expansion
from jcae.jobs.config import ConfigError, read_config
from jcae.jobs.plan import make_plan
from jcae.jobs.records import RecordError, read_record, write_record

pytestmark = pytest.mark.slow

CONFIGS, TEXTS, RECORDS, FILES = 1200, 1500, 1500, 1500
ODD = (
    *(None, True, False, 0, -1, 1, 2**70, 10**5000, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "wine", "x" * 1000, "1e-3", "../x", "$(x)", "\0", "\ud800", "é"),
    *("sklearn.cluster.KMeans", "jcae.AECM", "os.path.join", "builtins.object", "builtins.type", "antigravity.x"),
    *([], [[]], [None], ["a", "a"], [0, 1], [1.5], [-1]),
    *({}, {"": {}}, {"a": None}, {"use": "x.Y"}, {"low": 2, "high": 1}, {"factor": 1e300}, {"factor": 0.1}),
)
TEXT = (
    *("&a [*a]", "a: &a {b: *a}", "*x", "<<: 1", "<<: [1]", "[" * 3000, "{a: " * 3000, "? [1]\n: 2", "? {a: 1}\n: 2"),
    *(
        "2001-99-99",
        "2001-01-01: 1",
        "0b",
        "0o9",
        "0x",
        "._",
        "1:99999999999",
        "12" * 3000,
        ".inf: .nan",
        "1.5: 2",
        "~: 1",
    ),
    *("!!python/object:os.system x", "!!binary x", "!", "%TAG", "---\n---\n", "\t", "- ", "{", '"\\x', "|", ">\n", "="),
    *("a: b: c", "\x00", "\ufeff", "é", "null", "run: " + "x" * 70),
)


def places(value, at=()):
    """The path of every value in nested lists and mappings."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*at, key))


def changed(whole, random, odd):
    """A copy with one to three values replaced, removed, or put under another key."""
    whole = deepcopy(whole)
    for _ in range(random.randint(1, 3)):
        *above, last = random.choice([at for at in places(whole) if at])
        place = whole
        for key in above:
            place = place[key]
        kind = random.choice(("replace", "replace", "remove", "add"))
        if kind == "replace":
            place[last] = deepcopy(random.choice(odd))
        elif kind == "remove":
            del place[last]
        elif isinstance(place, dict):
            place[random.choice(("x", "", "n_clusters", "params", "only", "a b", last.upper()))] = random.choice(odd)
        if not whole:
            break
    return whole


def test_changed_config(record_property, monkeypatch):
    monkeypatch.setattr(expansion, "code_digest", cache(expansion.code_digest))  # the files stay as they are
    whole = deepcopy(BASE) | {
        "only": {"datasets": ["wine"], "methods": None},
        "seeds_per_job": 2,
        "device": "cpu",
        "equivalence": {"datasets": ["wine"], "seeds": [0], "margin": 0.1, "epochs": 3},
        "comparison": {"reference": "cm", "level": 0.1},
        "tracking": {"uri": None, "experiment": "x"},
        "tuning": {"cm": {"alpha": {"low": 1, "high": 2}}},
        "ledger": {"length": "unknown"},
    }
    whole["methods"]["cm"] |= {"params": {"alpha": 2, "epochs": 3, "batch_size": 9}, "n_clusters": {"factor": 2}}
    make_plan(whole)
    refused, said = 0, []
    for number in range(CONFIGS):
        config = changed(whole, Random(f"config {number}"), ODD)
        try:
            make_plan(config)
        except ConfigError as error:
            refused += 1
            said.append(error.problems)
    record_property("fuzz cases", CONFIGS)
    assert all(problems and all(problem.strip() for problem in problems) for problems in said)
    assert CONFIGS / 2 < refused < CONFIGS


def mutated(text, random):
    """A text with one to three pieces cut, doubled or put in."""
    for _ in range(random.randint(1, 3)):
        at, to = sorted(random.randrange(len(text) + 1) for _ in range(2))
        to = min(to, at + 20)
        text = random.choice(
            (text[:at] + text[to:], text[:to] + text[at:], text[:at] + random.choice(TEXT) + text[at:], text[:at])
        )
    return text


def test_text_that_is_nearly_a_config(tmp_path, record_property, monkeypatch):
    monkeypatch.setattr(expansion, "code_digest", cache(expansion.code_digest))
    said = []
    small = "run: x\nseeds: [0, 1]\ndatasets: {wine: {}}\nmethods:\n  a: &a {use: sklearn.cluster.KMeans}\n  b: *a\n"
    for number in range(TEXTS):
        random, path = Random(f"text {number}"), tmp_path / f"{number}.yaml"
        text = random.choice(TEXT) if number % 10 == 0 else mutated(small, random)
        content = text.encode("utf-8", "surrogatepass")
        if number % 7 == 0:
            content = content.replace(b"x", b"\xff")
        path.write_bytes(content)
        try:
            make_plan(read_config([path]))
        except ConfigError as error:
            said.append(str(error))
        path.unlink()
    assert len(said) > TEXTS / 2
    record_property("fuzz cases", TEXTS)


def test_changed_record(tmp_path, record_property):
    whole = json.loads(json.dumps(example()))
    for number in range(RECORDS):
        path = tmp_path / f"{number}.json"
        record = changed(whole, Random(f"record {number}"), ODD)
        try:
            write_record(path, record)
        except RecordError as error:
            assert str(path) in str(error), number  # noqa: PT017 - the other outcome is as good
            assert not path.exists(), number
        else:
            assert read_record(path) == record, number
            path.unlink()
    record_property("fuzz cases", RECORDS)


def test_text_that_is_nearly_a_record(tmp_path, record_property):
    whole = json.dumps(example())
    for number in range(FILES):
        path = tmp_path / f"{number}.json"
        content = bytearray(mutated(whole, Random(f"file {number}")).encode("utf-8", "surrogatepass"))
        if number % 5 == 0 and content:
            content[number % len(content)] ^= 128
        path.write_bytes(content)
        try:
            read_record(path)
        except RecordError as error:
            assert str(path) in str(error), number  # noqa: PT017 - the other outcome is as good
        path.unlink()
    record_property("fuzz cases", FILES)


@pytest.mark.parametrize("text", TEXT)
def test_odd_text_alone(text, tmp_path):
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        make_plan(read_config([tmp_path / "config.yaml"]))
    assert caught.value.problems
