"""`make install`: which Python it takes, and that uv installs where it is there; stand-ins record their arguments."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "cmp", "mkdir", "cp", "chmod", "env")
# Writes its name and what it was called with; as `uv venv` or `-m venv` it puts a Python in the last argument's bin.
STAND_IN = """#!/usr/bin/env bash
echo "${{0##*/}} $*" >> {log}
if [[ $1 == -c ]]; then exit {wrong}; fi
if [[ $1 == venv || $2 == venv ]]; then
  mkdir -p "${{!#}}/bin" && cp {folder}/python-inside "${{!#}}/bin/python"
fi
"""


class Machine:
    """A folder with the sources of the Makefile, and a PATH that holds make's tools and stand-ins alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.path = folder, folder / "log", folder / "path"
        self.path.mkdir()
        for name in ("Makefile", "requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        for name in TOOLS:
            (self.path / name).symlink_to(shutil.which(name))
        self._write(folder / "python-inside", fits=True)

    def has(self, name: str, fits: bool = True) -> None:
        """Put a stand-in on the PATH; `fits`: whether it says that its version is one that we take."""
        self._write(self.path / name, fits)

    def _write(self, file: Path, fits: bool) -> None:
        file.write_text(STAND_IN.format(log=self.log, folder=self.folder, wrong=0 if fits else 1))
        file.chmod(0o755)

    def install(self, *variables: str) -> subprocess.CompletedProcess:
        make = shutil.which("make")
        command = [make, "install", "VENV=env", f"SHELL={self.path / 'bash'}", *variables]
        return subprocess.run(command, cwd=self.folder, env={"PATH": str(self.path)}, capture_output=True, text=True)

    def told(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if " -c " not in line]


@pytest.fixture
def machine(tmp_path):
    if os.name != "posix" or not shutil.which("make"):
        pytest.skip("needs make")
    return Machine(tmp_path)


def test_uv_installs_where_it_is_there(machine):
    machine.has("uv")
    machine.has("python3.12")
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert machine.told() == [
        "uv venv --quiet --seed --python python3.12 env",
        "uv pip install --python env/bin/python --quiet --require-hashes -r requirements.lock",
        "uv pip install --python env/bin/python --quiet --no-deps --no-build-isolation -e .",
    ]


def test_uv_fetches_a_python_where_none_fits(machine):
    machine.has("uv")
    machine.has("python3", fits=False)
    assert machine.install().returncode == 0
    assert machine.told()[0] == "uv venv --quiet --seed --python 3.11 env"


def test_pip_installs_where_there_is_no_uv(machine):
    machine.has("python3.13")
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert machine.told() == [
        "python3.13 -m venv env",
        "python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock",
        "python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .",
    ]


def test_the_tested_python_is_taken_before_later_ones_and_what_does_not_fit_is_passed_over(machine):
    machine.has("python3.11", fits=False)
    for name in ("python3.14", "python3.13", "python3.12", "python3"):
        machine.has(name)
    assert machine.install().returncode == 0
    assert machine.told()[0] == "python3.12 -m venv env"


def test_one_python_can_be_asked_for(machine):
    machine.has("python3.11")
    machine.has("python3.13")
    machine.install("PYTHONS=python3.13")
    assert machine.told()[0] == "python3.13 -m venv env"


def test_no_fitting_python_is_said(machine):
    machine.has("python3", fits=False)
    done = machine.install()
    assert done.returncode == 2
    assert "Python 3.11 to 3.14 is needed" in done.stderr
    assert machine.told() == []
    assert not (machine.folder / "env").exists()


def test_a_second_time_installs_nothing(machine):
    machine.has("python3.11")
    machine.install()
    before = machine.told()
    assert machine.install().returncode == 0
    assert machine.told() == before


def test_a_changed_lock_is_installed_into_the_environment_that_is_there(machine):
    machine.has("python3.11")
    machine.install()
    (machine.folder / "requirements.lock").write_text("# another\n")
    machine.log.unlink()
    assert machine.install().returncode == 0
    assert [line.split()[:4] for line in machine.told()] == [["python", "-m", "pip", "install"]] * 2
