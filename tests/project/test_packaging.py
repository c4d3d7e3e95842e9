"""pyproject.toml, requirements.in, requirements.lock and environment.yml say the same."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


DIRECT = pins((ROOT / "requirements.in").read_text())
LOCKED = pins(LOCK)


def test_direct_requirements_are_all_pinned():
    lines = (ROOT / "requirements.in").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert len(lines) == len(DIRECT)


def test_lock_has_the_direct_pins():
    assert {name: LOCKED.get(name) for name in DIRECT} == DIRECT


EXTRAS = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *EXTRAS])
def test_declared_dependency_is_pinned_within_its_range(text):
    requirement = Requirement(text)
    if requirement.name == "jcae":  # extras that an extra is made of
        assert requirement.extras <= PROJECT["optional-dependencies"].keys()
        return
    assert canonicalize_name(requirement.name) in DIRECT
    assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)])


def test_nothing_is_pinned_that_is_not_declared():
    declared = {canonicalize_name(Requirement(r).name) for r in [*PROJECT["dependencies"], *EXTRAS]}
    assert set(DIRECT) - declared == {"setuptools"}  # builds the package itself, without isolation


def test_lock_has_a_hash_for_every_package_and_no_address():
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len({block.split("==")[0].split("[")[0] for block in blocks}) == len(LOCKED)
    assert [block.split("=")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE)  # options such as --index-url


def test_conda_environment_wraps_the_lock():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(d for d in dependencies if isinstance(d, str) and d.startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(f"{python.split('=')[1]}.0")
    assert {"pip": ["-r requirements.lock"]} in dependencies
