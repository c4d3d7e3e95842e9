"""A search for parameters as people see it."""

import io

import pandas as pd
import pytest

from jcae.terminal.trials import Trials, summarise_trials


def test_trials_are_lines_and_are_counted(tmp_path):
    out = io.StringIO()
    trials = Trials(out, "wine", "cm", 5, tmp_path)
    view = trials._view(0)
    assert ([running.step.name for running, _ in view.running], view.total) == (["start wine/cm"], 6)
    trials.report("cm on wine: 3 of 5 trials to do", 3)
    trials.report("trial 2: 0.5", 2)
    view = trials._view(0)
    assert ([running.step.name for running, _ in view.running], view.done, view.total) == (["trial wine/cm"], 1, 3)
    trials.report("trial 3: 0.6", 1)
    trials.report("trial 4: 0.7", 0)
    view = trials._view(0)
    assert (view.running, view.done, view.total) == ([], 3, 3)
    trials.close()
    assert out.getvalue().splitlines() == [
        "cm on wine: 3 of 5 trials to do", "trial 2: 0.5", "trial 3: 0.6", "trial 4: 0.7",
    ]  # fmt: skip


@pytest.mark.parametrize("reason", [None, "seed 1000 failed: no solution"])
def test_end_shows_the_best_and_why_others_have_no_value(reason, tmp_path):
    trials = pd.DataFrame(
        {
            "number": range(8),
            "value": [0.1, 0.8, 0.3, 0.4, 0.5, 0.6, 0.7, None],
            "params_alpha": 1.0,
            "state": ["COMPLETE"] * 7 + ["PRUNED"],
        }
    )
    if reason:
        trials["user_attrs_reason"] = [None] * 7 + [reason]
    trials.to_csv(tmp_path / "trials.csv", index=False)
    lines = summarise_trials(tmp_path).splitlines()
    assert lines[0].split() == ["number", "value", "alpha"]
    assert [line.split()[0] for line in lines[1:6]] == ["1", "6", "5", "4", "3"]
    assert lines[6:] == ["", "8 trials: 7 ok", f"  1 not: {reason or 'not defined'}"]
    trials[:7].to_csv(tmp_path / "trials.csv", index=False)
    assert summarise_trials(tmp_path).endswith("\n7 trials: all ok")
