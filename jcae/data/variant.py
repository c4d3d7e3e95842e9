"""Which part of a data set, in which range of values, a run is given; another variant is prepared in another folder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """What a config may change about the preparation of a data set.

    Attributes
    ----------
    subset : int or None
        Number of points that are kept; None keeps all.
    range : (float, float) or None
        Least and greatest value that the features of the whole data set are given, all by the same affine map; None
        leaves them as the catalogue says.

    Raises
    ------
    ValueError
        The range is not two finite numbers of which the first is the smaller.
    """

    subset: int | None = None
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.range is not None:
            low, high = self.range
            if not float("-inf") < low < high < float("inf"):
                raise ValueError(f"range from {low:g} to {high:g} (allowed: two numbers, the first the smaller)")

    @property
    def folder(self) -> str:
        """Name of the folder below `data` in which such variants lie, one folder per data set."""
        name = "prepared" if self.subset is None else f"prepared-{self.subset}"
        return name if self.range is None else f"{name}-from{self.range[0]:g}to{self.range[1]:g}"

    @property
    def options(self) -> str:
        """Options of `jcae prepare` that ask for it."""
        options = [] if self.subset is None else [f"--subset {self.subset}"]
        if self.range is not None:
            options.append(f"--range {self.range[0]!r} {self.range[1]!r}")
        return " ".join(options)


UNCHANGED = Variant()
"""All points, as the catalogue says."""
