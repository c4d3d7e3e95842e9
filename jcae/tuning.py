"""Search for the hyper-parameters of one method on one data set, by Optuna, without labels unless they are asked for.

Every trial fits the method for a few seeds of its own and scores what it finds by a criterion. The best values are
written as an overlay of the config that says how they were found; the tables print it.
"""

import json
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from jcae.data.formats import read_arrays
from jcae.files import file_sha256
from jcae.jobs.config import ConfigError
from jcae.jobs.expansion import Job
from jcae.jobs.plan import Plan
from jcae.jobs.records import format_block
from jcae.jobs.runner import pretrain_block, train_block
from jcae.scores import metrics


@dataclass(frozen=True)
class Fit:
    """What one seed of a trial found: labels (n,), and the code (n, p) where the method has one."""

    labels: np.ndarray
    code: np.ndarray | None


@dataclass(frozen=True)
class Criterion:
    """What a trial is judged by; higher is better.

    Attributes
    ----------
    text : str
        Its name in tables.
    score : callable
        `f(X, fits)`, of the data (n, d) and one `Fit` per seed.
    n_seeds : int
        Seeds that it needs at least.
    """

    text: str
    score: Callable[[np.ndarray, Sequence[Fit]], float]
    n_seeds: int = 1


def _silhouette_in_data(X: np.ndarray, fits: Sequence[Fit]) -> float:
    return float(np.mean([metrics.silhouette(X, fit.labels) for fit in fits]))


def _silhouette_in_code(X: np.ndarray, fits: Sequence[Fit]) -> float:
    return float(np.mean([metrics.silhouette(X if fit.code is None else fit.code, fit.labels) for fit in fits]))


def _agreement(X: np.ndarray, fits: Sequence[Fit]) -> float:
    return float(np.mean([metrics.ari(a.labels, b.labels) for a, b in combinations(fits, 2)]))


CRITERIA = {
    "silhouette": Criterion("silhouette of the own labels in the data", _silhouette_in_data),
    "silhouette_code": Criterion("silhouette of the own labels in the code", _silhouette_in_code),
    "agreement": Criterion("agreement (ARI) of the own labels between seeds", _agreement, n_seeds=2),
}
"""Criteria without labels. The own loss is none: its terms change their weights, and so its unit, from trial to trial.

The first is the default because the data are the same in every trial. In the code the silhouette can be raised by
pulling clusters together, whatever is in them; it compares like with like only where the parameters leave the code
alone. Agreement is blind to what the seeds agree on.
"""


def tune(
    plan: Plan,
    dataset: str,
    method: str,
    n_trials: int,
    out: str | Path,
    *,
    features: str | Path,
    seeds: Sequence[int],
    criterion: str = "silhouette",
    by_labels: str | None = None,
    truth: str | Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Search the space that the config declares for a method, and write the best values as an overlay.

    Parameters
    ----------
    plan : Plan
    dataset, method : str
        A pair of the plan.
    n_trials : int
        Trials in all. Those of an earlier call that are in the study already count.
    out : path
        Gets ``study.db`` (Optuna's storage), ``trials.csv``, plots, ``best.yaml`` and ``pretrained/``.
    features : path
        ``features.npz``, with ``card.json`` beside it.
    seeds : sequence of int
        Of every trial. None of them may be a seed of the run: it would be judged on what it was chosen on.
    criterion : str
        Key of `CRITERIA`.
    by_labels : {"acc", "nmi", "ari"} or None
        Judge trials by this score against the truth instead; the overlay says so.
    truth : path or None
        ``truth.npz``; read for `by_labels` only.
    report : callable
        Gets one line per trial.

    Returns
    -------
    Path
        ``best.yaml``.

    Raises
    ------
    ConfigError
        The pair has no job or no search space, or it has been started with other settings.
    RuntimeError
        No trial came to an end.
    """
    import optuna

    job, space = _checked(plan, dataset, method, seeds)
    judge, how = _judge(criterion, by_labels, truth, seeds)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    X = read_arrays(features, "X")["X"]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _open_study(plan, out, job, space, how, seeds, features)
    start = _pretrain(plan, job, features, seeds, out / "pretrained")
    fit = partial(_fit, plan, job, features, seeds, start)

    def objective(trial: Any) -> float:
        params = {name: _suggest(trial, name, values) for name, values in space.items()}
        value = judge(X, fit(params, trial))
        if not np.isfinite(value):
            raise optuna.TrialPruned(f"{how} is not defined")
        return value

    def say(study: Any, trial: Any) -> None:
        value = f"{trial.value:.4f}" if trial.value is not None else trial.user_attrs.get("reason", "not defined")
        report(f"trial {trial.number}: {json.dumps(trial.params)} {value}")

    # Trials of a study that was interrupted count only when they came to an end, one way or the other.
    missing = n_trials - sum(trial.state.is_finished() for trial in study.trials)
    if missing > 0:
        study.optimize(objective, n_trials=missing, callbacks=[say])
    if not study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        reasons = {trial.user_attrs.get("reason", "criterion not defined") for trial in study.trials}
        raise RuntimeError(f"no trial of {method} on {dataset} came to an end: {'; '.join(sorted(reasons))}")
    study.trials_dataframe().to_csv(out / "trials.csv", index=False)
    _plot(study, how, out)
    return _write_overlay(out / "best.yaml", study, job, how, seeds)


def _checked(plan: Plan, dataset: str, method: str, seeds: Sequence[int]) -> tuple[Job, dict[str, Any]]:
    problems = []
    if (dataset, method) not in plan.jobs:
        problems.append(f"{method} on {dataset} is not part of the run {plan.run}")
    elif plan.jobs[dataset, method].reads_truth:
        problems.append(f"{method} is fitted with the true labels; there is nothing to tune")
    if not plan.tuning.get(method):
        problems.append(f"tuning: has no search space for {method}; it has one for {', '.join(plan.tuning) or 'none'}")
    if shared := sorted(set(seeds) & set(plan.seeds)):
        problems.append(f"seeds: {format_block(shared)} are seeds of the run; tune on others")
    if problems:
        raise ConfigError(problems)
    return plan.jobs[dataset, method], plan.tuning[method]


def _judge(
    criterion: str, by_labels: str | None, truth: str | Path | None, seeds: Sequence[int]
) -> tuple[Callable[[np.ndarray, Sequence[Fit]], float], str]:
    """The function that scores a trial, and its name for tables."""
    if by_labels is None:
        chosen = CRITERIA[criterion]
        if len(seeds) < chosen.n_seeds:
            raise ValueError(f"the criterion {criterion!r} needs at least {chosen.n_seeds} seeds, got {len(seeds)}")
        return chosen.score, f"by {chosen.text}, without labels"
    if truth is None:
        raise ValueError("tuning by labels needs the truth")
    y = read_arrays(truth, "y")["y"]
    metric = metrics.METRICS[by_labels]
    return (
        lambda X, fits: float(np.mean([metric.function(y, fit.labels) for fit in fits])),
        f"BY LABELS ({metric.label})",
    )


def _open_study(
    plan: Plan, out: Path, job: Job, space: Mapping[str, Any], how: str, seeds: Sequence[int], features: str | Path
) -> Any:
    """The study in the folder's storage; one that was begun with anything else is refused."""
    import optuna

    start = plan.pretraining[job.dataset, job.autoencoder] if job.autoencoder else None
    settings = {
        "spec": {key: job.spec[key] for key in ("dataset", "method", "use", "params")},
        "code": job.code,
        "autoencoder": start and [start.spec, start.code],
        "space": space,
        "criterion": how,
        "seeds": list(seeds),
        "features": file_sha256(features),
    }
    storage = f"sqlite:///{out / 'study.db'}"
    study = optuna.create_study(
        storage=storage,
        study_name=f"{job.dataset}/{job.method}",
        direction="maximize",
        pruner=optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    begun = study.user_attrs.get("settings")
    if begun is None:
        study.set_user_attr("settings", settings)
        known = {name: job.spec["params"][name] for name in space if _contains(space[name], job.spec["params"], name)}
        if known:  # the values of the config come first: what is found is not worse than they are
            study.enqueue_trial(known)
    elif begun != json.loads(json.dumps(settings)):
        changed = [key for key in settings if begun.get(key) != json.loads(json.dumps(settings[key]))]
        raise ConfigError([f"{out}: holds a study with another {', '.join(changed)}; delete it or name another --out"])
    # By the number of trials: a study that goes on must not draw again what it drew first.
    study.sampler = optuna.samplers.TPESampler(seed=seeds[0] + len(study.trials))
    return study


def _contains(values: Mapping[str, Any], params: Mapping[str, Any], name: str) -> bool:
    """Whether the config's own value of a parameter is one that the search may try."""
    if name not in params:
        return False
    if "choices" in values:
        return params[name] in values["choices"]
    value = params[name]
    return isinstance(value, int | float) and values["low"] <= value <= values["high"]


def _suggest(trial: Any, name: str, values: Mapping[str, Any]) -> Any:
    if "choices" in values:
        return trial.suggest_categorical(name, values["choices"])
    whole = isinstance(values["low"], int) and isinstance(values["high"], int)
    suggest = trial.suggest_int if whole else trial.suggest_float
    return suggest(name, values["low"], values["high"], log=values.get("log", False))


def _pretrain(plan: Plan, job: Job, features: str | Path, seeds: Sequence[int], folder: Path) -> Path | None:
    """The autoencoders of the tuning seeds, trained once for all trials, if the method starts from one."""
    if job.autoencoder is None:
        return None
    pretraining = plan.pretraining[job.dataset, job.autoencoder]
    block = folder / format_block(seeds)
    stamp = folder / "spec.json"
    text = json.dumps([pretraining.spec, pretraining.code, file_sha256(features)])
    if not (block.is_dir() and stamp.exists() and stamp.read_text(encoding="utf-8") == text):
        shutil.rmtree(folder, ignore_errors=True)
        pretrain_block(pretraining.spec, features, seeds, block, device=plan.device, threads=plan.threads)
        stamp.write_text(text, encoding="utf-8")
    return block


def _fit(
    plan: Plan,
    job: Job,
    features: str | Path,
    seeds: Sequence[int],
    start: Path | None,
    params: Mapping[str, Any],
    trial: Any,
) -> list[Fit]:
    """Fit the method for all seeds; a trial in which one of them is not ok is pruned, not averaged over the others."""
    import optuna

    spec = {**job.spec, "params": {**job.spec["params"], **params}}
    with TemporaryDirectory() as folder:
        place = Path(folder) / "block"
        records = train_block(spec, features, seeds, place, pretrained=start, device=plan.device, threads=plan.threads)
        for record in records:
            if record["status"] != "ok":
                reason = f"seed {record['seed']} {record['status']}: {record['reason']}"
                trial.set_user_attr("reason", reason)
                raise optuna.TrialPruned(reason)
        return [
            Fit(_array(place / str(s) / "labels.npz", "labels"), _array(place / str(s) / "code.npz", "code"))
            for s in seeds
        ]


def _array(path: Path, name: str) -> np.ndarray | None:
    return read_arrays(path, name)[name] if path.exists() else None


def _plot(study: Any, how: str, out: Path) -> None:
    """Optuna's plots; importances need two trials that differ."""
    import matplotlib.pyplot as plt
    import optuna
    from optuna.visualization.matplotlib import plot_optimization_history, plot_param_importances

    plots = {"history": plot_optimization_history}
    values = {trial.value for trial in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))}
    if len(values) > 1:
        plots["importances"] = plot_param_importances
    for name, plot in plots.items():
        # Optuna warns that its plots may change, and sets a style for all that are drawn after them.
        with warnings.catch_warnings(), plt.rc_context():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            axes = plot(study, target_name=how)
            axes.figure.savefig(out / f"{name}.svg", bbox_inches="tight")
            plt.close(axes.figure)


def _write_overlay(path: Path, study: Any, job: Job, how: str, seeds: Sequence[int]) -> Path:
    best = study.best_trial
    n_trials = sum(trial.state.is_finished() for trial in study.trials)
    note = f"Optuna, {n_trials} trials, {how}; seeds {format_block(seeds)}"
    entry = {"tuned_on": {job.dataset: note}, "datasets": {job.dataset: best.params}}
    text = yaml.safe_dump({"methods": {job.method: entry}}, sort_keys=False, allow_unicode=True, width=1000)
    comment = f"# Trial {best.number} of {n_trials}: {best.value:.6g}."
    path.write_text(f"{comment} Give the run that uses these values a name of its own.\n{text}", encoding="utf-8")
    return path
