"""What a check is, and how one is run.

A check is a function of a `Subject`. It returns where the method keeps to it, raises `BrokenError` with what to do
where it does not, and `NotApplicableError` with the reason where there is nothing to check.
"""

import inspect
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from jcae.contract.subject import Subject
from jcae.jobs.exits import one_line


class BrokenError(AssertionError):
    """A method does not keep to the contract; the message tells its author what to do."""


class NotApplicableError(Exception):
    """There is nothing to check; the message says why."""


@dataclass(frozen=True)
class Check:
    """A part of the contract.

    Attributes
    ----------
    name : str
    proves : str
        One sentence.
    run : callable
        Of a `Subject`.
    """

    name: str
    proves: str
    run: Callable[[Subject], None]


@dataclass(frozen=True)
class Outcome:
    """How a check ended.

    Attributes
    ----------
    status : {"ok", "failed", "not applicable"}
    reason : str
        Empty where it is ok.
    """

    status: str
    reason: str = ""


def check(name: str) -> Callable[[Callable[[Subject], None]], Check]:
    """Make a function a check; its docstring is what it proves."""

    def make(function: Callable[[Subject], None]) -> Check:
        return Check(name, " ".join(inspect.getdoc(function).split()), function)

    return make


def run_check(check: Check, subject: Subject) -> Outcome:
    """Run one check; whatever the method raises is an outcome, `sys.exit` included."""
    try:
        with warnings.catch_warnings(action="ignore"):
            check.run(subject)
    except NotApplicableError as reason:
        return Outcome("not applicable", str(reason))
    except BrokenError as error:
        return Outcome("failed", str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome("failed", f"it raised {one_line(error)} ({last.filename}, line {last.lineno})")
    return Outcome("ok")
