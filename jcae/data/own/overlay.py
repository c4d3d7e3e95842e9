"""From a look at a file to a config that runs: laid over config.yaml, all methods on these data and on no others."""

from jcae.data.own.look import Line, Look, config_lines, entry_lines, to_yaml

LARGE = 5000
"""Points from which a comment says that the passes of config.yaml are too many."""


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
    n, d, n_clusters = look.n, look.d, look.n_clusters
    text = [
        f"# Saved as {name}.yaml: make bench CONFIG={name}.yaml",
        f"run: {to_yaml(name)}",
        "datasets:",
        config_lines(look, name).rstrip("\n"),
        "    params:",
        *entry_lines(architecture(n, d, n_clusters), indent=6),
        f"only: {{ datasets: {to_yaml([name])} }}",
    ]
    if n >= LARGE:
        text.insert(1, f"# The epochs of config.yaml are for 200 to 2000 points: for {n} set fewer, or use a GPU.")
    return "\n".join(text) + "\n"


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
    hidden = [64, 64, 256]
    if n >= 1000 and d >= 50:
        hidden = [128, 128, 256]
    if n >= 10000 and d >= 200:
        hidden = [500, 500, 2000]
    tenth = 1 << max(n // 10, 16).bit_length() - 1
    batch_size = min(tenth, 256 if n >= 10000 else 64)
    return [
        Line("hidden", hidden, f"widths of the encoder, for {n} points with {d} features"),
        Line("code_dim", max(20, n_clusters), "width of the code, at least the number of clusters"),
        Line("batch_size", batch_size, "points of an update"),
    ]
