"""Data far from zero: labels are those of the nearest centroid all the same, squares are no less than zero."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from scipy.spatial.distance import cdist

from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.n2d import N2D
from baselines.vade import Mixture, VaDE, log_joint
from jcae import AECM, Autoencoder, ClusteringModule, IsotropicMixture
from jcae.contract.scaffold import new_method
from jcae.jobs.classes import load_class
from jcae.models.location import FarFromZeroWarning
from jcae.nn.distances import nearest, squared_distances
from jcae.training.kmeans import kmeans

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore")
NET = {"hidden": (16,), "code_dim": 3, "device": "cpu", "random_state": 0}
STARTED = {**NET, "autoencoder": Autoencoder(epochs=20)}
METHODS = {
    "CM": ClusteringModule(3, alpha=2, epochs=5, device="cpu", random_state=0),
    "CM k-means": ClusteringModule(3, init="kmeans", alpha=2, epochs=5, device="cpu", random_state=0),
    "AE-CM": AECM.published(n_clusters=3, alpha=2, epochs=5, **NET),
    "AE-CM pretrained": AECM.published(n_clusters=3, alpha=2, epochs=5, module_epochs=5, init="pretrained", **STARTED),
    "AE+KM": AEKMeans(3, **STARTED),
    "DEC": DEC.published(n_clusters=3, max_iter=10, update_interval=5, **STARTED),
    "IDEC": IDEC.published(n_clusters=3, max_iter=10, update_interval=5, **STARTED),
    "DCN": DCN.published(n_clusters=3, epochs=5, **STARTED),
    "DKM": DKM.published(n_clusters=3, epochs=5, **STARTED),
    "DKM annealed": DKM.published(n_clusters=3, variant="annealed", epochs=5, **STARTED),
    "VaDE": VaDE.published(n_clusters=3, epochs=5, likelihood="gaussian", **STARTED),
    "N2D": N2D(3, **STARTED),
    "isotropic mixture": IsotropicMixture(3, variance=None, random_state=0),
}
NEAREST = ("AE+KM", "DEC", "IDEC", "DCN", "DKM", "DKM annealed", "scaffold")
SHIFTS = (0.0, 1e3, 1e4)


def blobs(shift):
    """Three Gaussians of unit variance, 6 apart, in four dimensions."""
    rng = np.random.default_rng(0)
    centres = 6.0 * np.eye(3, 4) / np.sqrt(2)
    return rng.normal(size=(150, 4)) + np.repeat(centres, 50, axis=0) + shift


@pytest.fixture(scope="module")
def methods(tmp_path_factory):
    project = tmp_path_factory.mktemp("project")
    for folder in ("baselines", "docs/methods"):
        (project / folder).mkdir(parents=True)
    cls = load_class(f"{new_method('mine', project).paths[0]}:Mine")
    return {**METHODS, "scaffold": cls(3, epochs=5, **STARTED)}


def test_all_methods_of_the_default_config_are_here():
    methods = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["methods"]
    ours = {load_class(one["use"]) for one in methods.values() if one["use"].startswith(("jcae.", "baselines."))}
    controls = {cls for cls in ours if cls.info.control}
    assert ours - controls <= {type(method) for method in METHODS.values()}


def assert_nearest(points, centers, labels):
    """Up to ties: what float32 leaves of a squared distance (points and centroids are rounded where they lie)."""
    points, centers = points.astype(np.float64), centers.astype(np.float64)
    squares = cdist(points, centers, "sqeuclidean")
    own, best = squares[np.arange(len(points)), labels], squares.min(1)
    rounding = 8 * np.finfo(np.float32).eps * (np.abs(points).max() * np.sqrt(squares.max(1)) + squares.max(1))
    assert (own - best <= rounding).all(), f"{np.count_nonzero(own - best > rounding)} labels are not the nearest"


@pytest.mark.usefixtures("umap_stand_in")
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("name", [*METHODS, "scaffold"])
def test_labels_are_the_nearest_and_no_sum_of_squares_is_negative(name, shift, methods):
    X = blobs(shift)
    fit = methods[name].fit(X)
    if getattr(fit, "status_", "ok") == "diverged":
        assert fit.reason_
        return
    if hasattr(fit, "transform"):
        code = fit.transform(X)
        assert_nearest(code, fit.refit_centers_, fit.refit_labels_)
        if name in NEAREST:
            assert_nearest(code, fit.cluster_centers_, fit.labels_)
            np.testing.assert_array_equal(fit.predict(X), fit.labels_)
    if name in NEAREST or name == "N2D":
        assert fit.loss_ >= 0
    for row in getattr(fit, "history_", []):
        if isinstance(row, dict) and row["term"] in ("reconstruction", "distortion", "distance", "code_distortion"):
            assert row["value"] >= 0, row


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_distortion_of_the_code_is_right(shift):
    """The objective of k-means on the code, which once was -480 here."""
    X = blobs(shift)
    fit = AEKMeans(3, **STARTED).fit(X)
    code, centers = (a.astype(np.float64) for a in (fit.transform(X), fit.cluster_centers_))
    assert fit.loss_ == pytest.approx(cdist(code, centers, "sqeuclidean").min(1).sum(), rel=1e-3)


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_posterior_of_vade_and_the_module_is_that_of_float64(shift):
    X = blobs(shift)
    vade = METHODS["VaDE"].fit(X)
    assert vade.status_ == ("ok" if shift == 0 else "diverged")  # it draws from a normal distribution of that scale
    if shift == 0:
        weights = {name: torch.tensor(value).double() for name, value in vade.weights_.items()}
        mixture = Mixture(*(weights[f"mixture_{part}"] for part in ("logits", "means", "log_variances")))
        joint = log_joint(torch.tensor(vade.transform(X)).double(), mixture).numpy()
        assert (joint.max(1) - joint[np.arange(150), vade.labels_] <= 1e-5 * np.abs(joint).max(1)).all()
    module = METHODS["CM k-means"].fit(X)
    weights = {name: value.astype(np.float64) for name, value in module.weights_.items()}
    logits = X.astype(np.float32) @ weights["W"] + weights["b"]
    gap = logits.max(1) - logits[np.arange(150), module.labels_]
    assert (gap <= 1e-5 * (np.abs(X) @ np.abs(weights["W"])).max(1)).all()


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e4, 1e6])
def test_distances_are_those_of_float64(shift):
    x = torch.tensor(blobs(shift)).float()
    M = x[[3, 60, 110]] + 0.5
    exact = cdist(x.double().numpy(), M.double().numpy(), "sqeuclidean")
    np.testing.assert_allclose(squared_distances(x, M), exact, rtol=1e-4, atol=1e-4)
    assert squared_distances(x, x[:5]).min() >= 0
    np.testing.assert_array_equal(nearest(x, M), exact.argmin(1))
    found = kmeans(x, 3, [0])
    assert found.inertia.item() >= 0
    assert_nearest(x.numpy(), found.centers[0].numpy(), found.labels[0].numpy())


def test_points_far_from_all_centroids_still_find_the_nearest():
    """Their own squared norm is as long as the digits of float32: it must not take part."""
    rng = np.random.default_rng(1)
    x, M = torch.tensor(rng.normal(size=(200, 2)) + 1e5).float(), torch.tensor(rng.normal(size=(4, 2))).float()
    exact = cdist(x.double().numpy(), M.double().numpy(), "sqeuclidean").argmin(1)
    np.testing.assert_array_equal(nearest(x, M), exact)


@pytest.mark.filterwarnings("default")
def test_far_data_are_told_once_and_what_to_do():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        AEKMeans(3, **STARTED).fit(blobs(1e3))  # trains an autoencoder of its own, which does not say it again
    (far,) = [one for one in told if issubclass(one.category, FarFromZeroWarning)]
    assert "AEKMeans: the data's mean lies 2e+03 from zero" in str(far.message)
    assert "Centre or standardise" in str(far.message)
    assert "scale: standard" in str(far.message)
    assert far.filename == __file__


@pytest.mark.parametrize("X", [blobs(0.0), blobs(50.0), np.full((30, 4), 0.1), np.full((30, 4), 7e3)])
def test_near_and_constant_data_are_not_warned_of(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error", FarFromZeroWarning)
        ClusteringModule(3, epochs=1, device="cpu", random_state=0).fit(X)
