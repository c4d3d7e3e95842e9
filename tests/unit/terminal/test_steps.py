"""The count of a run's steps, and the time that is left."""

import json

import pytest

from jcae.terminal.costs import Costs, Step
from jcae.terminal.steps import Steps
from jcae.training.heartbeat import NAME

LONG, SHORT, TABLES = Step("train_method", "a", "long", "0"), Step("train_method", "a", "short", "0"), Step("tables")
SECONDS = {("train_method", "a", "long"): 95.0, ("train_method", "a", "short"): 5.0}


@pytest.fixture
def steps():
    return Steps([LONG, SHORT, TABLES], Costs(SECONDS), begun=0.0)


def test_long_training_weighs_more_than_a_short_one(steps):
    assert steps.view(0.0).remaining == 100 + 10 + 5
    steps.start(1, SHORT, 0.0)
    steps.finish(1, 10.0)
    view = steps.view(10.0)
    assert (view.done, view.total, view.elapsed) == (1, 3, 10.0)
    assert view.remaining == 105
    assert view.share == pytest.approx(10 / 115)


def test_steps_that_run_side_by_side_share_what_is_left_but_the_longest_must_end(steps):
    steps.start(1, LONG, 0.0)
    steps.start(2, SHORT, 0.0)
    view = steps.view(5.0)
    assert [running.step for running, _ in view.running] == [LONG, SHORT]
    assert view.remaining == 95  # two at work: (95 + 5 + 5) / 2, which the long one exceeds


def test_step_that_is_overdue_goes_on_for_as_long_again(steps):
    steps.start(1, SHORT, 0.0)
    assert steps.view(30.0).remaining == 100 + 5 + 20


def test_training_that_tells_how_far_it_is_is_believed(steps, tmp_path):
    (tmp_path / NAME).write_text(json.dumps({"phase": "x", "epoch": 9, "epochs": 10, "loss": 1.0, "share": 0.9}))
    steps.start(1, LONG, 0.0, tmp_path)
    assert steps.view(5.0).remaining == pytest.approx(10 + 10 + 5)


def test_step_that_failed_and_is_tried_again_counts_once(steps):
    steps.start(1, LONG, 0.0)
    assert steps.fail(1, 2.0) == (LONG, 2.0)
    assert (steps.total, list(steps.failed.values())) == (3, [LONG])
    steps.start(1, LONG, 3.0)
    assert (steps.total, steps.failed, steps.running) == (3, {}, [LONG])
    assert steps.finish(1, 4.0) == (LONG, 1.0)
    assert (steps.total, steps.done) == (3, 1)


def test_unknown_steps_are_none_and_unplanned_ones_count_once_they_run(steps):
    assert steps.finish(9, 1.0) is None
    assert steps.fail(9, 1.0) is None
    steps.start(4, Step("more"), 0.0)
    assert steps.total == 4


def test_nothing_to_do_takes_no_time():
    view = Steps([], Costs(), begun=0.0).view(0.0)
    assert (view.total, view.remaining, view.share) == (0, 0, 0)
