"""What is said where a package is missing that only an extra of the installation brings."""

from collections.abc import Iterator
from contextlib import contextmanager

_OURS = {"jcae", "baselines"}


class MissingExtraError(ImportError):
    """A package is not installed; the message names it and the extra that brings it."""


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Within it, a package that is not installed is said to come with an extra.

    Parameters
    ----------
    name : str
        One of ``project.optional-dependencies`` in pyproject.toml.
    what : str
        What needs the package.

    Raises
    ------
    MissingExtraError
        For a module that is not there. One of our own stays a `ModuleNotFoundError`: no extra brings it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package in _OURS:
            raise
        raise MissingExtraError(
            f'{what} needs the package {package}, which is not installed: pip install "jcae[{name}]"'
        ) from error
