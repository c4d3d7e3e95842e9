"""Numbers of clusters that an entry of `methods` asks for beside that of the classes: a multiple of it, or a range."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jcae.jobs.classes import class_name
from jcae.jobs.records import format_block
from jcae.jobs.signature import cluster_count, finds_clusters


class CountError(ValueError):
    """A number of clusters that cannot be asked for.

    Attributes
    ----------
    key : tuple of str
        Below `n_clusters`, where the problem is one key's.
    of_data : bool
        Whether it is the data set's, so that another one may not have it.
    """

    def __init__(self, message: str, *key: str, of_data: bool = False) -> None:
        super().__init__(message)
        self.key, self.of_data = key, of_data


def asked_range(cls: type, asked: Mapping[str, Any], n_points: int) -> tuple[int, ...]:
    """The numbers of a range, ``{"from": 2, "to": 20}``, ends included; none where the entry asks for no range.

    Parameters
    ----------
    cls : type
    asked : mapping
        What the schema lets through.
    n_points : int
        Points that the method is fitted on.

    Raises
    ------
    CountError
        The class takes no number of clusters; the range is none, or reaches the number of points.
    """
    if cluster_count(cls) is None or getattr(cls, "reads_truth", False):
        raise CountError(f"{class_name(cls)} is not told a number of clusters")
    ends = [key for key in ("from", "to") if key in asked]
    if "factor" in asked:
        if ends:
            raise CountError("has a factor and a range; give one of them")
        return ()
    if len(ends) < 2:
        missing = [key for key in ("from", "to") if key not in asked]
        raise CountError(f"has no {' and no '.join(missing)}; give from and to, or a factor")
    low, high = asked["from"], asked["to"]
    if low > high:
        raise CountError(f"from = {low} is above to = {high}; a range goes upwards")
    if high >= n_points:
        raise CountError(
            f"it is {high}, where methods are fitted on {n_points} points; at most {n_points - 1} are allowed",
            "to",
            of_data=True,
        )
    return tuple(range(low, high + 1))


def multiple(cls: type, asked: Mapping[str, Any], classes: int) -> dict[str, int]:
    """The number of classes times ``asked["factor"]``, as the parameter of the class.

    Raises
    ------
    CountError
        It is no number of clusters, or the number of classes.
    """
    factor = asked["factor"]
    if not math.isfinite(factor * classes):  # YAML has .nan and .inf
        raise CountError(f"is {factor}, which is no number of clusters", "factor")
    count = round(factor * classes)
    text = f"{factor:g} of {classes} classes is"
    if count < 2:
        raise CountError(f"{text} {count}; at least 2 are needed", of_data=True)
    if count == classes and not finds_clusters(cls):
        raise CountError(f"{text} the number of classes", of_data=True)
    return {cluster_count(cls): count}


def blocks_of(cls: type, counts: Sequence[int], autoencoder: str | None) -> tuple[str, ...]:
    """Cut a range into the blocks that one job fits.

    What takes long is trained once for all of them where it does not know K: a method says `k_after_training`, and
    starts from an autoencoder of the run. Such methods, and those without a network, are one block. Any other network
    has K in its shape, so that each number is a training, and a job, of its own.
    """
    if not counts:
        return ()
    alone = hasattr(cls, "fit_seeds") and not (autoencoder and getattr(cls, "k_after_training", False))
    return tuple(map(str, counts)) if alone else (format_block(counts),)
