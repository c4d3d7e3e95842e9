"""Data as they come: every kind of array and every awkward shape gives the right result or a clear error."""

import re

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits

from baselines.ae_kmeans import AEKMeans
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.vade import VaDE
from jcae import AECM, Autoencoder, ClusteringModule

NET = {"hidden": (9,), "code_dim": 20, "device": "cpu"}
AE = Autoencoder(epochs=1, batch_size=16)
SHORT = {"batch_size": 16, "autoencoder": AE, **NET}
METHODS = {
    "CM": ClusteringModule(3, alpha=2, epochs=1, batch_size=16, device="cpu"),
    "CM k-means": ClusteringModule(3, init="kmeans", alpha=2, epochs=1, batch_size=16, device="cpu"),
    "AE-CM": AECM.published(n_clusters=3, alpha=2, epochs=1, batch_size=16, **NET),
    "AE-CM pretrained": AECM.published(n_clusters=3, alpha=2, epochs=1, module_epochs=1, init="pretrained", **SHORT),
    "AE+KM": AEKMeans(3, autoencoder=AE, **NET),
    "DEC": DEC.published(n_clusters=3, max_iter=4, update_interval=2, **SHORT),
    "IDEC": IDEC.published(n_clusters=3, max_iter=4, update_interval=2, **SHORT),
    "DCN": DCN.published(n_clusters=3, epochs=1, **SHORT),
    "DKM": DKM.published(n_clusters=3, epochs=1, **SHORT),
    "VaDE": VaDE.published(n_clusters=3, epochs=1, likelihood="gaussian", **SHORT),
}


@pytest.fixture(scope="module", name="X")
def whole_numbers():
    """Whole numbers from 0 to 16, which every type holds exactly."""
    return load_digits().data[:60]


@pytest.fixture(params=METHODS)
def method(request):
    return clone(METHODS[request.param]).set_params(random_state=0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_kind_of_array_does_not_matter(method, X, tmp_path):
    def weights(data):
        return method.fit(data).weights_

    expected = weights(X)
    read_only = X.astype(np.float32)
    read_only.flags.writeable = False
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    wide = np.zeros((120, 128))
    wide[::2, ::2] = X
    kinds = {
        "float16": X.astype(np.float16),
        "float32": X.astype(np.float32),
        "integers": X.astype(np.int32),
        "bytes": X.astype(np.uint8),
        "big endian": X.astype(">f8"),
        "read-only": read_only,
        "column order": np.asfortranarray(X),
        "strided": wide[::2, ::2],
        "reversed twice": X[::-1, ::-1][::-1, ::-1],
        "mapped from a file": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "list": X.tolist(),
    }
    for kind, data in kinds.items():
        found = weights(data)
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=f"{kind}: {name}")
    np.testing.assert_array_equal(read_only, X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("rows", [17, 33, 10], ids=["last batch of one", "another", "batch larger than the data"])
def test_batches_that_do_not_fit(method, X, rows):
    fitted = method.fit(X[:rows] / 16)
    assert fitted.labels_.shape == (rows,)
    assert all(np.isfinite(value).all() for value in fitted.weights_.values())
    assert np.isfinite(fitted.loss_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_clusters", [1, 20], ids=["one cluster", "as many as points"])
def test_few_and_many_clusters(method, X, n_clusters):
    fitted = method.set_params(n_clusters=n_clusters).fit(X[:20] / 16)
    assert fitted.labels_.shape == (20,)
    assert 0 <= fitted.labels_.min() <= fitted.labels_.max() < n_clusters
    assert np.isfinite(fitted.cluster_centers_).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_points_that_are_all_the_same(method):
    fitted = method.fit(np.ones((24, 5)))
    assert fitted.status_ in ("ok", "collapsed", "diverged")
    assert (fitted.status_ == "ok") == (fitted.reason_ is None)
    assert len(np.unique(fitted.labels_)) == 1 or fitted.status_ == "ok"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((1, 3)), "minimum of 2 is required"),
        (np.ones((0, 3)), "minimum of 2 is required"),
        (np.ones(7), "Expected 2D array, got 1D array"),
        (np.array([[0.0, np.nan], [1.0, 2.0], [1.0, 3.0]]), "contains NaN"),
        (np.array([[0.0, np.inf], [1.0, 2.0], [1.0, 3.0]]), "contains infinity"),
        (np.array([[0.0, 1e300], [1.0, 2.0], [1.0, 3.0]]), "infinity or a value too large"),
        (np.ones((20, 3)) * 1j, "Complex data not supported"),
    ],
    ids=["one point", "no point", "a vector", "NaN", "infinity", "too large for float32", "complex"],
)
def test_what_cannot_be_clustered_is_refused(method, data, message):
    with pytest.raises(ValueError, match=message):
        method.fit(data)


BAD = [(np.nan, "contains NaN"), (-np.inf, "contains infinity"), (1e300, "infinity or a value too large")]


@pytest.mark.parametrize(("value", "message"), BAD, ids=["NaN", "infinity", "too large for float32"])
@pytest.mark.parametrize("use", [METHODS["DEC"], METHODS["CM"]], ids=["DEC", "CM"])
def test_a_bad_value_is_named_with_its_row_and_column(use, value, message):
    table = load_digits(as_frame=True).data[:60]
    table.iloc[33, 7] = table.iloc[40, 2] = value
    place = re.escape(f"The first is {value} in row 33, column 7") + "(.*), counted from 0 .1 more are not finite"
    with pytest.raises(ValueError, match=f"{message}.*{place}"):
        clone(use).fit(table.to_numpy())
    with pytest.raises(ValueError, match=r"column 7 \('pixel_0_7'\)"):
        clone(use).fit(table)
    fitted = clone(use).fit(load_digits().data[:60])
    with pytest.raises(ValueError, match=place):
        fitted.predict(table.to_numpy())


@pytest.mark.parametrize("format", ["csr", "coo"])
def test_sparse_data_are_refused_with_what_a_dense_copy_takes(method, format):
    data = sparse.random_array((5000, 2000), density=1e-4, format=format, rng=np.random.default_rng(0))
    needed = rf"X is sparse, {format} of shape \(5000, 2000\).*X.astype\('float32'\).toarray\(\) .* takes 38.1 MiB"
    with pytest.raises(TypeError, match=needed):
        method.fit(data)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_device_that_is_named_and_missing(method, X, device):
    with pytest.raises(ValueError, match=f"device='{device}' is not there: torch sees 0 CUDA devices"):
        method.set_params(device=device).fit(X)
