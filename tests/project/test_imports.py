"""What starts with a verb: the heavy modules that each may load, so that none pays for what it does not use."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    *(
        "torch",
        "sklearn",
        "scipy",
        "pandas",
        "numpy",
        "matplotlib",
        "mlflow",
        "optuna",
        "umap",
        "distributed",
        "snakemake",
    ),
    *("jinja2", "jsonschema", "scikit_posthocs", "pooch", "yaml"),
}
ARRAYS = {"numpy", "pandas"}
SCORES = ARRAYS | {"scipy", "sklearn"}
DRAWING = SCORES | {"matplotlib"}
RUN = "results/reference/competitors"
VERBS = {
    "--help": set(),
    "train --help": set(),
    "fetch --list": set(),
    "unlock": set(),
    "check-config config.yaml config/smoke.yaml": SCORES | {"torch", "jsonschema", "yaml"},
    f"summary {RUN}": SCORES,
    f"explain {RUN}/tables/scores_acc.csv 1": SCORES,
    f"merge {RUN} results/reference/graphs --out OUT/merged": SCORES,
    f"tables --results {RUN} --out OUT": SCORES,
    f"compare --results {RUN} --out OUT": DRAWING | {"scikit_posthocs"},
    f"figures scores_acc --results {RUN} --out OUT": DRAWING,
    f"report --results {RUN} --shown {RUN} --out OUT/report": DRAWING | {"jinja2"},
    f"board {RUN} --out OUT/board": DRAWING | {"jinja2"},
}
CODE = """
import json, sys
sys.argv = ["jcae", *sys.argv[1:]]
from jcae.cli import app
try:
    app()
except SystemExit as end:
    ended = end.code
print(json.dumps([ended, list(sys.modules)]))
"""


def loaded(code, *words):
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ended, modules = json.loads(done.stdout.splitlines()[-1])
    assert ended in (0, None), done.stdout
    return HEAVY & set(modules)


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_loads_what_it_uses(verb, tmp_path):
    extra = loaded(CODE, *verb.replace("OUT", str(tmp_path)).split()) - VERBS[verb]
    assert not extra, f"jcae {verb} loads {sorted(extra)}, too"


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded("import json, sys, jcae\nprint(json.dumps([0, list(sys.modules)]))")
