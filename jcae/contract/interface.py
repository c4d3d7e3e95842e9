"""Checks of what a class says of itself: parameters, scikit-learn's conventions, info, page."""

import inspect
from pathlib import Path

from jcae.contract.example_data import K
from jcae.contract.registry import BrokenError, NotApplicableError, check
from jcae.contract.subject import FEW, Subject
from jcae.jobs.parameters import resolve_params
from jcae.models.info import Info

ROOT = Path(__file__).resolve().parents[2]


@check("parameters")
def check_parameters(subject: Subject) -> None:
    """__init__ stores its arguments unchanged; get_params, set_params and clone work."""
    from sklearn.base import clone

    if subject.third_party:
        raise NotApplicableError("of an installed package; the benchmark builds it anew for every seed")
    missing = [name for name in ("get_params", "set_params") if not hasattr(subject.cls, name)]
    if missing:
        raise BrokenError(f"it has no {' and no '.join(missing)}; derive the class from sklearn.base.BaseEstimator")
    given = resolve_params(subject.cls, subject.arguments(FEW), n_clusters=K, device="cpu")
    estimator = subject.cls(**given)
    stored = estimator.get_params(deep=False)
    for name, value in given.items():
        if stored.get(name) is not value:
            raise BrokenError(
                f"{name}={value!r} was given, get_params() has {stored.get(name)!r}: store every argument as it is in "
                f"__init__ (self.{name} = {name}), and check or convert it in fit"
            )
    if clone(estimator).set_params(**given).get_params(deep=False).keys() != stored.keys():
        raise BrokenError("clone(estimator).get_params() lacks parameters; store every argument of __init__")


TO_THE_LAST_BITS = ("check_methods_sample_order_invariance", "check_methods_subset_invariance")
"""Checks of scikit-learn that compare predictions on the same rows in another order, or in parts, to 1e-7."""


@check("scikit-learn")
def check_scikit_learn(subject: Subject) -> None:
    """scikit-learn's own estimator checks pass."""
    from sklearn.base import BaseEstimator
    from sklearn.utils import estimator_checks

    if subject.third_party:
        raise NotApplicableError("of an installed package, whose authors run them")
    if not issubclass(subject.cls, BaseEstimator):
        raise NotApplicableError("not derived from sklearn.base.BaseEstimator")
    spared = {}
    if subject.control or subject.starts_at_random or subject.transductive:
        spared["check_clustering"] = "asks for good labels; the check `easy blobs` does, with enough updates"
    if subject.between_0_and_1:
        raise NotApplicableError("takes data between 0 and 1 only, and these checks have others")
    exact = subject.deep and "precision" in subject.parameters
    if exact:
        spared |= dict.fromkeys(
            TO_THE_LAST_BITS, "compares to 1e-7, which float32 does not resolve; float64 does, below"
        )
    results = estimator_checks.check_estimator(
        subject.build(), expected_failed_checks=spared, on_skip=None, on_fail=None, callback=None
    )
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    for name in TO_THE_LAST_BITS if exact else ():
        try:
            getattr(estimator_checks, name)(subject.cls.__name__, subject.build(precision="float64"))
        except Exception as error:  # whatever the method raises
            failed[name] = error
    if failed:
        said = "; ".join(f"{name}: {' '.join(str(error).split())[:200]}" for name, error in failed.items())
        raise BrokenError(
            f"sklearn.utils.estimator_checks says {said}. Derive from ClusterMixin and BaseEstimator, check X with "
            "validate_data in fit, and set only attributes that end in _ there"
        )


@check("info")
def check_info(subject: Subject) -> None:
    """Its info says what tables print, and its presets have parameters that exist."""
    info = getattr(subject.cls, "info", None)
    if subject.third_party and info is None:
        raise NotApplicableError("of an installed package; the config's `label` names it in the tables")
    if not isinstance(info, Info):
        raise BrokenError(
            "it has no `info`: add `info = jcae.models.info.Info(label=..., summary=..., reference=...)` to the class"
        )
    due = {"label": "a short name for tables", "summary": "one sentence", "reference": "a DOI or arXiv identifier"}
    for name, what in due.items():
        if not getattr(info, name):
            raise BrokenError(f"info.{name} is empty; give it {what}")
    if isinstance(info.deviations, str):
        raise BrokenError("info.deviations is one text; make it a tuple of sentences, ('It differs in this.',)")
    for sentence in (info.summary, *info.deviations):
        if not sentence.endswith("."):
            raise BrokenError(f"info: {sentence!r} is no sentence; end it with a full stop")
    for preset, params in info.presets.items():
        unknown = sorted(params.keys() - subject.parameters.keys())
        if unknown:
            raise BrokenError(f"info.presets[{preset!r}] has parameters that __init__ lacks: {', '.join(unknown)}")


@check("page")
def check_page(subject: Subject) -> None:
    """A page of docs/methods has a block with its facts, which the site fills with what `info` says."""
    file = Path(inspect.getfile(subject.cls)).resolve()
    pages = sorted((ROOT / "docs" / "methods").glob("*.md"))
    if not pages or file.parent not in (ROOT / "baselines", ROOT / "jcae" / "models"):
        raise NotApplicableError("not of this repository")
    path = f"{file.parent.name}.{file.stem}.{subject.cls.__name__}"
    blocks = {f"```{{facts}} {name}" for name in (path, f"jcae.{subject.cls.__name__}")}
    if not any(blocks & set(page.read_text(encoding="utf-8").splitlines()) for page in pages):
        raise BrokenError(
            f"no page of docs/methods has a block of facts of {path}; write docs/methods/{file.stem}.md, as "
            "`jcae new-method` does"
        )
