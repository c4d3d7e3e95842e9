"""List scheduling: by hand on small graphs, and between the bounds that hold for any graph."""

import random

import pytest

from benchmarks.schedule import Job, longest_chain, longest_first, makespan


def test_one_core_takes_all_seconds():
    assert makespan({"a": Job(2.0), "b": Job(3.0), "c": Job(4.0, after="a")}, 1) == 9.0


def test_jobs_are_taken_in_their_order():
    jobs = {"a": Job(1.0), "b": Job(1.0), "long": Job(4.0)}
    assert makespan(jobs, 2) == 5.0
    assert makespan(longest_first(jobs), 2) == 4.0


def test_a_job_waits_for_the_one_before_it():
    jobs = {"training": Job(3.0, after="start"), "start": Job(2.0), "other": Job(1.0)}
    assert makespan(jobs, 8) == longest_chain(jobs) == 5.0


def test_a_core_is_not_kept_for_a_job_that_waits():
    jobs = {"start": Job(5.0), "training": Job(1.0, after="start"), "one": Job(2.0), "two": Job(2.0)}
    assert makespan(jobs, 2) == 6.0


def test_what_hangs_on_a_job_counts_for_its_place():
    jobs = {"long": Job(4.0), "start": Job(1.0), "training": Job(9.0, after="start")}
    assert list(longest_first(jobs)) == ["start", "training", "long"]


@pytest.mark.parametrize("cores", [1, 3, 16])
def test_between_its_bounds(cores):
    rng = random.Random(cores)
    jobs = {i: Job(rng.uniform(1, 9)) for i in range(10)}
    jobs |= {i: Job(rng.uniform(1, 99), after=rng.randrange(10)) for i in range(10, 60)}
    total, chain = sum(job.seconds for job in jobs.values()), longest_chain(jobs)
    for order in (jobs, longest_first(jobs)):
        wall = makespan(order, cores)
        assert max(chain, total / cores) - 1e-9 <= wall <= total / cores + chain


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="cores=0: at least one"):
        makespan({"a": Job(1.0)}, 0)
    with pytest.raises(ValueError, match="'b' comes after 'x'"):
        makespan({"b": Job(1.0, after="x")}, 1)
    with pytest.raises(ValueError, match="'c' comes after 'b'"):
        makespan({"a": Job(1.0), "b": Job(1.0, after="a"), "c": Job(1.0, after="b")}, 1)
