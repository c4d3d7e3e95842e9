"""From a look at a file to a config that runs: laid over config.yaml, all its methods on these data and no others."""

import math

from jcae.data.own.look import Line, Look, config_lines, entry_lines, to_yaml
from jcae.models import rule

LARGE = 5000
"""Points from which a comment says which methods take long."""
_UPDATES, _PRETRAINED_UPDATES = 4800, 3000
"""Of CM and AE-CM; of autoencoders and of AE-CM that starts from one. About as many as on the data of config.yaml."""


def overlay(look: Look, name: str) -> str:
    """Write the config file of a run on somebody's own data.

    Parameters
    ----------
    look : Look
    name : str
        What the data set and the run shall be called.

    Returns
    -------
    str
        YAML with comments, to be saved as a file of its own.
    """
    n = look.n
    lines = architecture(n, look.d, look.n_clusters)
    batch_size = lines[-1].value
    text = [f"# Saved as {name}.yaml: make bench CONFIG={name}.yaml"]
    if n >= LARGE:
        text += [f"# DCN, DKM and VaDE pass 50 times over the data, which takes long with {n} points: fewer, or a GPU."]
    text += [f"run: {to_yaml(name)}", "datasets:", config_lines(look, name).rstrip("\n")]
    text += ["    params:", *entry_lines(lines, indent=6), *_schedule(name, n, batch_size)]
    return "\n".join([*text, f"only: {{ datasets: {to_yaml([name])} }}"]) + "\n"


def architecture(n: int, d: int, n_clusters: int) -> list[Line]:
    """Choose a network and a batch size by the size of the data alone, as config.yaml has them for data of such a size.

    Parameters
    ----------
    n, d : int
        Points and features.
    n_clusters : int

    Returns
    -------
    list of Line
        ``hidden``: 64-64-256; from 1000 points with 50 features on 128-128-256; from 10000 points with 200 features on
        500-500-2000, the network of the publications. ``code_dim``: 20, or the number of clusters where that is more.
        ``batch_size``: a tenth of the points, down to a power of two, from 16 to 64, and to 256 from 10000 points on.
    """
    hidden = list(rule.hidden(n, d)) if n >= rule.FEW else [64, 64, 256]
    return [
        Line("hidden", hidden, f"widths of the encoder, for {n} points with {d} features"),
        Line("code_dim", max(20, n_clusters), "width of the code, at least the number of clusters"),
        Line("batch_size", rule.batch_size(n), "points of an update"),
    ]


def _schedule(name: str, n: int, batch_size: int) -> list[str]:
    """What goes with the batch size: alpha less 1 grows with it, and the passes are as many as make the updates."""
    alpha = 1 + 12 * batch_size // 64
    batches = math.ceil(n / batch_size)
    long, short = (max(round(updates / batches), 1) for updates in (_UPDATES, _PRETRAINED_UPDATES))
    key = to_yaml(name)
    passes = {"cm_random": long, "cm_pretrained": long, "aecm_random": long, "aecm_pretrained": short}
    entries = {method: f"{{ alpha: {alpha}, epochs: {epochs} }}" for method, epochs in passes.items()}
    return [
        "autoencoders:",
        f"  shared: {{ datasets: {{ {key}: {{ epochs: {short} }} }} }} # {_PRETRAINED_UPDATES} updates",
        "methods: # alpha acts per batch: 13 at 64 points",
        *(f"  {method}: {{ datasets: {{ {key}: {entry} }} }}" for method, entry in entries.items()),
    ]
