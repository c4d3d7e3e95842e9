"""What a run may do to all points of a data set before methods see them: another range, imbalance, a subset, noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jcae.data.formats import DataError
from jcae.data.points import Points, check_features, map_range

SUBSET_SEED = 0
NOISE_SEED = 0


@dataclass(frozen=True)
class Imbalance:
    """How unequal classes are made.

    Attributes
    ----------
    ratio : float
        Size of the largest class over that of the smallest, at least 1.
    seed : int
        Of the order of the classes by size, and of which points are kept.
    """

    ratio: float
    seed: int = 0


def vary(
    points: Points,
    where: str,
    range: tuple[float, float] | None = None,
    imbalance: Imbalance | None = None,
    subset: int | None = None,
    noise_features: int | None = None,
) -> Points:
    """Apply what is asked for, in the order of the parameters.

    Parameters
    ----------
    points : Points
        A whole data set.
    where : str
        Its name, for messages.
    range : (float, float), optional
        Least and greatest value after one affine map of all features.
    imbalance : Imbalance, optional
    subset : int, optional
        Number of points that are kept, drawn at random without regard to the classes, always the same ones.
    noise_features : int, optional
        Number of features that are added and tell nothing: normal, with the mean of all values and the root mean
        square over the features of their standard deviations. What comes out is no image any more.

    Returns
    -------
    Points

    Raises
    ------
    DataError
        More points than there are, imbalance without classes, or what is left cannot be clustered.
    """
    if range is not None:
        points = _in_range(points, range)
    if imbalance is not None:
        if points.y is None:
            raise DataError(f"{where}: imbalance needs classes, and nobody knows them")
        points = points.rows(imbalanced_rows(points.y, imbalance))
        check_features(points.X, points.y, points.n_clusters, f"{where}, classes {imbalance.ratio:g} to 1")
    if subset is not None:
        whole = len(points.X)
        points = replace(points.rows(_subset_rows(whole, subset, where)), subset_of=whole)
        check_features(points.X, points.y, points.n_clusters, f"{where}, subset of {subset}")
    if noise_features:
        points = _with_noise(points, noise_features)
    return points


def imbalanced_counts(counts: Sequence[int], imbalance: Imbalance) -> np.ndarray:
    """How many points of each class are kept: sizes fall geometrically, and are as large as the classes allow.

    The classes are put in a random order; the i-th of C keeps ``m ratio^(-i / (C - 1))`` points, rounded, with the
    largest m that no class is too small for. So is CIFAR made long-tailed by Cui et al., "Class-balanced loss based
    on effective number of samples", CVPR 2019, from classes of one size and in their own order.

    Parameters
    ----------
    counts : sequence of int, length C
        Points of each class.
    imbalance : Imbalance

    Returns
    -------
    ndarray, shape (C,), int64
        At least 1 each.
    """
    C = len(counts)
    # RandomState and not Generator: numpy promises its stream for ever.
    place = np.empty(C)
    place[np.random.RandomState(imbalance.seed).permutation(C)] = np.arange(C)
    share = float(imbalance.ratio) ** (-place / max(C - 1, 1))
    largest = (np.asarray(counts) / share).min()
    # The class that sets `largest` may come out a rounding error above its own number.
    return np.minimum(np.maximum(np.rint(largest * share), 1), counts).astype(np.int64)


def imbalanced_rows(y: np.ndarray, imbalance: Imbalance) -> np.ndarray:
    """Which points are kept.

    Parameters
    ----------
    y : ndarray, shape (n,), int64
        Classes 0..C-1, each with a point.
    imbalance : Imbalance

    Returns
    -------
    ndarray, shape (m,), int64, ascending
    """
    left = imbalanced_counts(np.bincount(y), imbalance)
    drawn = np.random.RandomState(imbalance.seed).permutation(len(y))
    kept = [drawn[y[drawn] == c][:count] for c, count in enumerate(left)]
    return np.sort(np.concatenate(kept))


def _in_range(points: Points, ends: tuple[float, float]) -> Points:
    """The smallest value becomes the least of the range, the greatest its greatest, exactly; all others linearly."""
    (low, high), X = ends, points.X
    smallest, greatest = X.min(), X.max()
    mapped = {"from": [float(smallest), float(greatest)], "to": [low, high]}
    return replace(
        points,
        X=map_range(X, (smallest, greatest), (low, high)),
        preparation=f"{points.preparation} Then from [{smallest:g}, {greatest:g}] to [{low:g}, {high:g}].",
        scaling=points.scaling and {**points.scaling, "range": mapped},
    )


def _subset_rows(n: int, points: int, where: str) -> np.ndarray:
    """Rows of the subset, ascending."""
    if not 1 <= points <= n:
        raise DataError(f"{where}: subset of {points} points (allowed: 1 to {n})")
    return np.sort(np.random.RandomState(SUBSET_SEED).permutation(n)[:points])


def _with_noise(points: Points, count: int) -> Points:
    X = points.X.astype(np.float64)
    scale = np.sqrt(X.var(axis=0).mean())
    noise = X.mean() + scale * np.random.RandomState(NOISE_SEED).standard_normal((len(X), count))
    return replace(
        points,
        X=np.concatenate([points.X, noise.astype(points.X.dtype)], axis=1),
        image_shape=None,
        preparation=f"{points.preparation} Then {count} features of normal noise beside them.",
    )
