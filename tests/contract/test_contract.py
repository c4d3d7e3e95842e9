"""Every method of every config and every file of baselines/ keeps to the contract; new ones are found by themselves."""

import inspect
from importlib import import_module

import pytest
from project import CONFIGS, ROOT, config_files

from jcae.contract.checks import CHECKS, Subject, run_check, subjects
from jcae.jobs.config import read_config
from jcae.jobs.plan import make_plan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("umap_stand_in"),  # the checks are about what is around it
    pytest.mark.filterwarnings("ignore"),
]


def methods_of_configs():
    """A method that differs from another one only in numbers is the same method, whichever config it is in."""
    found = {}
    for overlays in [[], *map(config_files, CONFIGS)]:
        plan = make_plan(read_config([ROOT / file for file in ["config.yaml", *overlays]]))
        for subject in subjects(plan):
            found.setdefault(subject.kind, subject)
    return list(found.values())


def methods_of_files(known):
    """What lies in baselines/ and is in no config."""
    for file in sorted((ROOT / "baselines").glob("*.py")):
        module = import_module(f"baselines.{file.stem}")
        for name, cls in vars(module).items():
            own = inspect.isclass(cls) and cls.__module__ == module.__name__ and not inspect.isabstract(cls)
            if own and hasattr(cls, "fit") and cls not in known:
                yield Subject(f"{module.__name__}.{name}")


SUBJECTS = methods_of_configs()
SUBJECTS += methods_of_files({subject.cls for subject in SUBJECTS})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: f"{subject.name}")
def test_method_keeps_to_the_contract(subject, check, warm_fits):
    outcome = run_check(check, subject)
    assert outcome.status != "failed", f"{subject.name} ({subject.use}), {check.name}: {outcome.reason}"
    if outcome.status == "not applicable":
        pytest.skip(outcome.reason)


def test_methods_are_found():
    """Every kind of start is among them, and every file of baselines/."""
    kinds = {(subject.use.rpartition(".")[2], subject.params.get("init")) for subject in SUBJECTS}
    assert {("AECM", "random"), ("AECM", "pretrained"), ("ClusteringModule", "kmeans"), ("KMeans", None)} <= kinds
    files = {path.stem for path in (ROOT / "baselines").glob("*.py")} - {"__init__"}
    assert files <= {subject.cls.__module__.removeprefix("baselines.") for subject in SUBJECTS}
