"""How long does a graph of jobs take on so many cores? A free core takes the next job that is ready."""

import heapq
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple


class Job(NamedTuple):
    """A job on one core.

    Attributes
    ----------
    seconds : float
    after : hashable or None
        Name of the job that must have ended before it starts.
    """

    seconds: float
    after: Hashable | None = None


def makespan(jobs: Mapping[Hashable, Job], cores: int) -> float:
    """Seconds until the last job ends.

    Parameters
    ----------
    jobs : mapping
        By name, in the order in which they are taken where several are ready. Only one link of a chain waits for
        another, so that a job `after` another is never waited for itself.
    cores : int

    Returns
    -------
    float
        At least the longest chain and at least all seconds over the cores.

    Raises
    ------
    ValueError
        There are no cores, or a job comes after one that is not there or that waits itself.
    """
    if cores < 1:
        raise ValueError(f"cores={cores}: at least one is needed")
    followers: dict[Hashable, list[int]] = {}
    ready: list[tuple[int, Hashable]] = []
    names = list(jobs)
    for place, name in enumerate(names):
        first = jobs[name].after
        if first is None:
            ready.append((place, name))
        elif first not in jobs or jobs[first].after is not None:
            raise ValueError(f"{name!r} comes after {first!r}, which is no job that starts at once")
        else:
            followers.setdefault(first, []).append(place)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < cores:
            place, name = heapq.heappop(ready)
            heapq.heappush(running, (now + jobs[name].seconds, place))
        now, place = heapq.heappop(running)
        for follower in followers.get(names[place], ()):
            heapq.heappush(ready, (follower, names[follower]))
    return now


def longest_chain(jobs: Mapping[Hashable, Job]) -> float:
    """Seconds that any number of cores takes at least: those of a job and of the one before it."""
    return max(job.seconds + (jobs[job.after].seconds if job.after is not None else 0.0) for job in jobs.values())


def longest_first(jobs: Mapping[Hashable, Job]) -> dict[Hashable, Job]:
    """The same jobs, in the order of what hangs on them: their own seconds and the longest of those that follow."""
    after: dict[Hashable, float] = {}
    for job in jobs.values():
        if job.after is not None:
            after[job.after] = max(after.get(job.after, 0.0), job.seconds)
    order: Sequence[Hashable] = sorted(jobs, key=lambda name: -jobs[name].seconds - after.get(name, 0.0))
    return {name: jobs[name] for name in order}
