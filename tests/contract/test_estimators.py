"""What our own estimators promise beyond the contract of every method (test_contract.py)."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from baselines.ae_kmeans import AEKMeans
from baselines.agcn import AGCN
from baselines.dagc import DAGC
from baselines.dcn import DCN
from baselines.dec import DEC
from baselines.dkm import DKM
from baselines.idec import IDEC
from baselines.n2d import N2D
from baselines.random_labels import RandomLabels
from baselines.sdcn import SDCN
from baselines.true_labels import TrueLabels
from baselines.vade import VaDE
from jcae import AECM, Autoencoder, ClusteringModule, IsotropicMixture
from jcae.contract.interface import TO_THE_LAST_BITS

pytestmark = pytest.mark.usefixtures("umap_stand_in")  # the checks are about what is around it

# Small, and in float64 so that soft assignments sum to 1 to the last digits.
NET = {"hidden": (8,), "code_dim": 4, "device": "cpu", "precision": "float64"}
AE = Autoencoder(epochs=2)
ESTIMATORS = [
    ClusteringModule(3, epochs=3, device="cpu", precision="float64"),
    IsotropicMixture(3),
    Autoencoder(epochs=3, **NET),
    AECM.published(n_clusters=3, epochs=3, **NET),
    AECM.published(n_clusters=3, epochs=3, init="pretrained", module_epochs=1, autoencoder=AE, **NET),
    AEKMeans(3, autoencoder=AE, **NET),
    DCN.published(n_clusters=3, epochs=2, autoencoder=AE, **NET),
    DEC.published(n_clusters=3, max_iter=5, update_interval=2, autoencoder=AE, **NET),
    DKM.published(n_clusters=3, epochs=2, autoencoder=AE, **NET),
    DKM.published(n_clusters=3, variant="annealed", weight=0.1, epochs=2, **NET),
    IDEC.published(n_clusters=3, max_iter=5, update_interval=2, autoencoder=AE, **NET),
    VaDE.published(n_clusters=3, likelihood="gaussian", reconstruction_weight=10.0, epochs=2, autoencoder=AE, **NET),
    N2D(3, autoencoder=AE, **NET),
    SDCN(3, epochs=2, autoencoder=AE, **NET),
    AGCN(3, epochs=2, autoencoder=AE, **NET),
    DAGC(3, epochs=2, autoencoder=AE, **NET),
    RandomLabels(3),
    TrueLabels(),
]


@parametrize_with_checks(
    [Autoencoder(epochs=3, **NET), Autoencoder(epochs=3, **{**NET, "precision": Autoencoder().precision})]
)
def test_scikit_learn_conventions_of_what_is_no_clusterer(estimator, check):
    make(check, estimator)


def make(check, estimator):
    """Those that compare to the last bits of float64 in float64, all others as the estimator is."""
    if check.func.__name__ in TO_THE_LAST_BITS:
        estimator.set_params(precision="float64")
    check(estimator)


FAILS = {"VaDE": {"check_clustering": "loses one of three blobs of 50 points; docs/defaults.md says so"}}


@pytest.mark.slow
@parametrize_with_checks(
    [AECM(), DEC(), IDEC(), DCN(), DKM(), VaDE()],
    expected_failed_checks=lambda estimator: FAILS.get(type(estimator).__name__, {}),
)
def test_scikit_learn_conventions_of_methods_that_are_told_nothing(estimator, check):
    """Default precision and lengths; the contract has these checks of all methods, in short."""
    make(check, estimator)


def name(estimator):
    return type(estimator).__name__


CODED = [e for e in ESTIMATORS if hasattr(e, "inverse_transform")]


@pytest.mark.parametrize("estimator", CODED, ids=name)
def test_code_and_decoding_have_the_declared_shapes(estimator):
    X = load_iris().data
    fitted = estimator.set_params(random_state=0).fit(X)
    code = fitted.transform(X)
    assert code.shape == (150, 4)
    assert fitted.inverse_transform(code).shape == X.shape
    with pytest.raises(ValueError, match="Z has 3 columns; the code has 4"):
        fitted.inverse_transform(code[:, :3])


@pytest.mark.parametrize("precision", ["float64", "float32", "bf16"])
@pytest.mark.parametrize("estimator", CODED, ids=name)
def test_the_code_has_the_type_that_the_tag_promises(estimator, precision):
    X = load_iris().data
    fitted = clone(estimator).set_params(random_state=0, precision=precision).fit(X)
    (promised,) = fitted.__sklearn_tags__().transformer_tags.preserves_dtype
    assert fitted.transform(X.astype(promised)).dtype == promised
    assert fitted.transform(X.astype(np.float64)).dtype == promised


@pytest.mark.parametrize("estimator", CODED, ids=name)
def test_the_code_as_a_table_has_named_columns_and_the_rows_index(estimator):
    table = load_iris(as_frame=True).data.set_index(np.arange(150) + 7)
    fitted = clone(estimator).set_params(random_state=0).fit(table)
    names = [f"{type(estimator).__name__.lower()}{i}" for i in range(4)]
    assert list(fitted.get_feature_names_out()) == names
    code = fitted.transform(table)
    assert type(code) is np.ndarray
    shown = fitted.set_output(transform="pandas").transform(table)
    assert list(shown.columns) == names
    assert list(shown.index) == list(table.index)
    np.testing.assert_array_equal(shown.to_numpy(), code)
    decoded = fitted.inverse_transform(shown)
    np.testing.assert_array_equal(decoded, fitted.inverse_transform(code))
    assert not hasattr(fitted, "predict") or np.isfinite(fitted.score(table))


def test_a_score_is_minus_the_distance_of_points_from_decoded_centroids():
    X = load_iris().data
    module = ClusteringModule(3, epochs=3, device="cpu", random_state=0).fit(X)
    apart = X - module.cluster_centers_[module.predict(X)]
    assert module.score(X) == pytest.approx(-np.square(apart).sum(1).mean())
    joint = AECM.published(n_clusters=3, epochs=3, random_state=0, **NET).fit(X)
    apart = X - joint.inverse_transform(joint.cluster_centers_)[joint.labels_]
    assert joint.score(X, np.zeros(150)) == pytest.approx(-np.square(apart).sum(1).mean())
    autoencoder = Autoencoder(epochs=3, random_state=0, **NET).fit(X)
    apart = X - autoencoder.inverse_transform(autoencoder.transform(X))
    assert autoencoder.score(X) == pytest.approx(-np.square(apart).sum(1).mean())
    search = GridSearchCV(ClusteringModule(3, epochs=1, device="cpu", random_state=0), {"init": ["random", "kmeans"]})
    assert search.fit(X).best_params_ == {"init": "kmeans"}


DEEP = [e for e in ESTIMATORS if hasattr(e, "fit_seeds") and hasattr(e, "predict_proba")]


@pytest.mark.parametrize("estimator", DEEP, ids=name)
def test_labels_are_the_largest_soft_assignment(estimator):
    X = load_iris().data
    fitted = estimator.set_params(random_state=0).fit(X)
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(1), 1)
    np.testing.assert_array_equal(fitted.labels_, proba.argmax(1))
    np.testing.assert_array_equal(fitted.labels_, fitted.predict(X))
    assert fitted.cluster_centers_.shape == (3, 4)
    assert hasattr(fitted, "refit_labels_") == hasattr(fitted, "transform")


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (AECM.published(n_clusters=5, **{**NET, "code_dim": 4}), "code_dim=4 is below n_clusters=5"),
        (
            AECM.published(n_clusters=3, **{**NET, "device": "tpu"}),
            "device='tpu' is unknown; allowed are 'auto', 'cpu', 'cuda'",
        ),
        (AECM.published(n_clusters=3, **{**NET, "device": "cuda:99"}), "device='cuda:99' is not there"),
        (
            AECM.published(n_clusters=3, **{**NET, "precision": "float16"}),
            "precision='float16' is unknown; allowed are",
        ),
        (AECM.published(n_clusters=3, init="kmeans", **NET), "init='kmeans' is unknown; allowed are"),
        (AECM.published(n_clusters=3, alpha=[1, 2], **NET), "or n_clusters=3 of them"),
        (AECM.published(n_clusters=3, alpha=-1, **NET), "alpha=-1 is not allowed"),
        (AECM.published(n_clusters=3, **{**NET, "hidden": "abc"}), "hidden='abc' must be a sequence"),
        (AECM.published(n_clusters=3, **{**NET, "hidden": (8, 0)}), "integers of at least 1"),
        (
            AECM.published(n_clusters=3, negative_slope=-0.1, **NET),
            "negative_slope=-0.1 is not allowed; it must be a number of at least 0",
        ),
        (AECM.published(n_clusters=3, epochs=0, **NET), "epochs=0 is not allowed; it must be an integer of at least 1"),
        (
            AECM.published(n_clusters=3, init="pretrained", autoencoder="shared", **NET),
            "must be a jcae.Autoencoder or None",
        ),
        (ClusteringModule(3, init={"means": [[0]]}), "a mixture has means, variance, weights"),
        (ClusteringModule(3, learning_rate=0), "learning_rate=0 is not allowed; it must be a number above 0"),
        (ClusteringModule(151, device="cpu"), "n_samples=150 should be at least n_clusters=151"),
        (
            AECM.published(n_clusters=3, adam_eps_placement="inside", **NET),
            "adam_eps_placement='inside' is unknown; allowed are",
        ),
        (
            AECM.published(n_clusters=3, loss="normalised", adam_eps_placement="before", **NET),
            "adam_eps_placement='before' is not for loss='normalised'",
        ),
        (AECM.published(n_clusters=3, initialiser="zeros", **NET), "initialiser='zeros' is unknown; allowed are"),
        (DCN.published(n_clusters=3, assign_every="step", **NET), "assign_every='step' is unknown; allowed are"),
        (DCN.published(n_clusters=3, reduction="max", **NET), "reduction='max' is unknown; allowed are"),
        (
            DKM.published(n_clusters=3, hardness_values=0, **NET),
            "hardness_values=0 is not allowed; it must be an integer of at least 1",
        ),
        (DKM.published(n_clusters=3, variant="random", **NET), "variant='random' is unknown; allowed are"),
        (SDCN(3, normalisation="column", **NET), "normalisation='column' is unknown; allowed are ['row', 'symmetric']"),
        (SDCN(3, mix=-1, **NET), "mix=-1 is not allowed; it must be a number of at least 0"),
        (AGCN(3, graph_weight=-1, **NET), "graph_weight=-1 is not allowed; it must be a number of at least 0"),
        (AGCN(3, n_neighbors=0, **NET), "n_neighbors=0 is not allowed; it must be an integer of at least 1"),
        (DAGC(3, confidence=0.7, **NET), "confidence=0.7 is not allowed; it must be a number above 0.70"),
        (N2D(3, n_neighbors=1, **NET), "n_neighbors=1 is not allowed; it must be an integer of at least 2"),
        (VaDE.published(n_clusters=3, autoencoder=AE, **NET), "likelihood='bernoulli' needs data between 0 and 1"),
        (DEC.published(n_clusters=3, optimiser="lbfgs", **NET), "optimiser='lbfgs' is unknown; allowed are"),
        (Autoencoder(reduction="max", **NET), "reduction='max' is unknown; allowed are"),
        (Autoencoder(initialiser="zeros", **NET), "initialiser='zeros' is unknown; allowed are"),
    ],
    ids=lambda value: value if isinstance(value, str) else name(value),
)
def test_bad_parameters_are_named_with_what_is_allowed(estimator, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace("[", r"\[")):
        estimator.fit(load_iris().data)


def test_pretrained_weights_must_fit_the_architecture():
    X = load_digits().data[:60] / 16
    weights = [Autoencoder(epochs=1, **{**NET, "hidden": (9,)}).fit_seeds(X, [0])[0].weights_]
    with pytest.raises(ValueError, match=r"hidden=\(8,\) and code_dim=4 ask for"):
        AEKMeans(3, **NET).fit_seeds(X, [0], pretrained=weights)
    with pytest.raises(ValueError, match="1 pretrained autoencoders were given for 2 seeds"):
        AEKMeans(3, **NET).fit_seeds(X, [0, 1], pretrained=weights)
    with pytest.raises(ValueError, match="does not start from an autoencoder"):
        ClusteringModule(3, device="cpu").fit_seeds(X, [0], pretrained=weights)


def test_pretrained_weights_are_what_a_method_starts_from():
    """Handing over the autoencoder of the same seed and recipe equals letting the method train it."""
    X = load_digits().data[:200] / 16
    method = DEC.published(n_clusters=3, max_iter=5, update_interval=2, autoencoder=AE, random_state=4, **NET)
    own = method.fit(X)
    handed = method.fit_seeds(
        X, [4], pretrained=[Autoencoder(epochs=2, negative_slope=0.0, **NET).fit_seeds(X, [4])[0].weights_]
    )
    np.testing.assert_array_equal(own.labels_, handed[0].labels_)
    check_is_fitted(own)


def test_integer_and_non_contiguous_and_read_only_data():
    X = load_digits().data[:100].astype(int)
    X.flags.writeable = False
    method = AECM.published(n_clusters=3, epochs=1, random_state=0, **NET)
    expected = method.fit(X.astype(float)).labels_
    np.testing.assert_array_equal(method.fit(X).labels_, expected)
    np.testing.assert_array_equal(method.fit(np.asfortranarray(X)).labels_, expected)


@pytest.mark.parametrize("n_clusters", [1, 20])
def test_one_cluster_and_as_many_as_points(n_clusters):
    X = load_iris().data[:20]
    fitted = ClusteringModule(n_clusters, epochs=2, device="cpu", random_state=0).fit(X)
    assert fitted.labels_.max() < n_clusters
    net = {**NET, "code_dim": 20}
    assert AECM.published(n_clusters=n_clusters, epochs=2, random_state=0, **net).fit(X).labels_.max() < n_clusters
