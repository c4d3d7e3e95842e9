"""`pip install .` brings the estimators and nothing more; what needs an extra says which."""

import os
import shutil
import subprocess
import sys
import tomllib
from email import message_from_string
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from jcae.extras import extra

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def closure(requirements: list[str]) -> set[str]:
    """Names of the packages that an installation brings: those required, and what they require themselves."""
    found, waiting = set(), [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        found.add(name)
        try:
            inner = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:  # not needed by the installed version of what requires it
            continue
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        waiting += [r for r in inner if r.marker is None or any(map(r.marker.evaluate, extras))]
    return found


# setuptools builds, and is there in every virtual environment of the project; torch asks for it on some Pythons.
BROUGHT = closure(PROJECT["dependencies"]) | {"jcae", "setuptools"}
REFUSED = sorted(
    module
    for module, packages in packages_distributions().items()
    if not BROUGHT & {canonicalize_name(package) for package in packages}
)
ALONE = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

refused = set({REFUSED})
sys.meta_path.insert(0, Refuse())
"""
FITS = """
import importlib, pkgutil
import baselines
import numpy as np
from baselines.ae_kmeans import AEKMeans
from jcae import AECM, Autoencoder, ClusteringModule, IsotropicMixture

for module in pkgutil.iter_modules(baselines.__path__):
    importlib.import_module(f"baselines.{module.name}")
X = np.random.default_rng(0).normal(size=(60, 5))
net = dict(hidden=(8,), code_dim=4, device="cpu", random_state=0)
for method in (
    AECM.published(n_clusters=3, epochs=2, **net),
    AEKMeans(3, autoencoder=Autoencoder(epochs=2), **net),
    ClusteringModule(3, epochs=2, device="cpu", random_state=0),
    IsotropicMixture(3, random_state=0),
):
    labels = method.fit_predict(X)
    assert labels.shape == (60,) and set(labels) <= {0, 1, 2}
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def alone(code: str) -> subprocess.CompletedProcess:
    """Run code where only what `pip install .` brings can be imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ALONE + code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_estimators_need_the_declared_packages_and_all_of_them():
    assert {"mlflow", "matplotlib", "pandas", "pooch", "snakemake", "typer", "umap", "yaml"} <= set(REFUSED)
    done = alone(FITS)
    assert done.returncode == 0, done.stderr
    distributions = packages_distributions()
    imported = {canonicalize_name(p) for module in done.stdout.split() for p in distributions.get(module, [])}
    assert {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]} <= imported


@pytest.mark.parametrize("arguments", ["", "fetch wine"])
def test_command_line_without_its_extra_says_so_in_one_line(arguments):
    done = alone(f"import runpy; sys.argv[1:] = {arguments.split()}; runpy.run_module('jcae', run_name='__main__')")
    assert done.returncode == 2
    said = 'jcae: the command line needs the package typer, which is not installed: pip install "jcae[bench]"\n'
    assert done.stderr == said


@pytest.mark.parametrize("room", ["equivalence", "figures", "statistics", "tables"])
def test_rooms_say_which_extra_they_need(room):
    done = alone(f"import jcae.{room}")
    assert done.stderr.splitlines()[-1] == (
        f"jcae.extras.MissingExtraError: jcae.{room} needs the package pandas, "
        'which is not installed: pip install "jcae[bench]"'
    )


@pytest.mark.parametrize(
    ("verb", "package", "what"),
    [
        ("tables --results . --out .", "pandas", "jcae.tables"),
        ("check-config config.yaml", "yaml", "this verb"),
    ],
)
def test_verb_says_which_extra_it_needs(verb, package, what):
    """On a machine that has typer, and not the package."""
    code = f"import sys; sys.modules[{package!r}] = None; from jcae.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *verb.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        f'jcae: {what} needs the package {package}, which is not installed: pip install "jcae[bench]"\n'
    )


@pytest.mark.parametrize("module", ["jcae.nowhere", "baselines.nowhere"])
def test_no_extra_brings_a_module_of_ours(module):
    with pytest.raises(ModuleNotFoundError, match="nowhere"), extra("bench", "this"):
        import_module(module)


PACKAGES = ("jcae", "baselines", "snakemake_logger_plugin_jcae")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the sources: building in the checkout would leave folders there, and find old ones."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools.build_meta import build_wheel; build_wheel('wheels')"
    subprocess.run([sys.executable, "-c", build], cwd=folder, check=True, capture_output=True)
    with ZipFile(next((folder / "wheels").glob("*.whl"))) as archive:
        yield archive


def test_wheel_holds_every_file_of_the_packages_and_no_other(wheel):
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    assert files == {path.relative_to(ROOT).as_posix() for path in sources if "__pycache__" not in path.parts}


def test_wheel_says_what_it_requires(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_string(wheel.read(name).decode())
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    plain = {r.name for r in required if r.marker is None}
    assert plain == {"numpy", "safetensors", "scikit-learn", "scipy", "torch", "tqdm"}
    assert set(metadata.get_all("Provides-Extra")) == {"bench", "cluster", "dask", "dev", "docs", "h5ad", "n2d", "scc"}
    assert SpecifierSet(metadata["Requires-Python"]) == SpecifierSet(">=3.11,<3.15")


def test_the_script_is_the_command_line(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert wheel.read(name).decode().split() == ["[console_scripts]", "jcae", "=", "jcae.__main__:main"]
