"""Table of what runs cost: time, updates and memory."""

import pandas as pd

from jcae.scores.evaluation import count_runs, display_names
from jcae.tables.cells import NONE, ok_of_all, significant, thousands
from jcae.tables.notes import devices, origin_note, seeds_note, tuning_note
from jcae.tables.rendering import Table

COST = ["seconds", "pretrain_seconds", "updates", "peak_memory_mb", "peak_gpu_memory_mb"]


def cost_table(records: pd.DataFrame) -> Table:
    """Mean time and updates per seed and highest memory of the ok runs, per data set and method."""
    names = display_names(records)
    ok, tried = records[records["status"] == "ok"], count_runs(records)
    rows = []
    for dataset in sorted(records["dataset"].unique()):
        for method in names:
            if (dataset, method) not in tried:
                continue
            runs = ok[(ok["dataset"] == dataset) & (ok["method"] == method)]
            means = runs[COST[:3]].astype(float).mean()
            memory = runs[COST[3:]].astype(float).max()
            rows.append((dataset, method, *means, *memory, devices(runs), len(runs), tried[dataset, method]))
    data = pd.DataFrame(
        rows,
        columns=["dataset", "method", *COST, "device", "n_ok", "n_total"],
    )
    cells = pd.DataFrame(
        {
            "data set": data["dataset"],
            "method": data["method"].map(names),
            "seconds": data["seconds"].map(significant),
            "pretraining seconds": data["pretrain_seconds"].map(significant),
            "updates": data["updates"].map(thousands),
            "memory (MiB)": data["peak_memory_mb"].map(thousands),
            "GPU memory (MiB)": data["peak_gpu_memory_mb"].map(thousands),
            "device": data["device"].replace("", NONE),
            "ok/all": [ok_of_all(row.n_ok, row.n_total) for row in data.itertuples()],
        }
    )
    note = [
        seeds_note(records),
        "Mean over all ok seeds, no run selected. Seconds: wall time of a block of seeds over its number of seeds; "
        "pretraining is shared by all methods that start from the same autoencoder and not part of the seconds beside "
        "it. Memory: highest peak of the process that ran the block. Lower is better; compare on the same device only.",
        tuning_note(records, names),
        origin_note(records),
    ]
    return Table("cost", "Time, memory and updates per seed", " ".join(note), data, cells)
