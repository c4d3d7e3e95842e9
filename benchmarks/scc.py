"""(m) SCC: how do time and memory grow with the points, and how do they and the tree compare with other hierarchies?"""

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import harness

SIZES = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
# Up to so many points: Ward and average linkage keep all pairs, HDBSCAN looks at them.
OTHERS = {"ward": 30_000, "average": 30_000, "hdbscan": 50_000}


def main() -> None:
    args = harness.arguments(__doc__, largest=SIZES[-1], others=50_000, spread=1.0)
    sizes = [n for n in SIZES if n <= args.largest]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"

        def measure(method: str, n: int) -> dict[str, float]:
            used = harness.run_module(harness.ROOT, "benchmarks.scc_fit", method, str(n), str(args.spread), str(out))
            return json.loads(out.read_text()) | {"peak MB": used["peak MB"]}

        for n in sizes:
            ours = measure("scc", n)
            rows.append({"method": "scc", "n": n} | ours)
            for method, most in OTHERS.items():
                if n <= min(most, args.others):
                    theirs = measure(method, n)
                    ratio = {"cpu, theirs / scc": theirs["cpu s"] / ours["cpu s"]}
                    rows.append({"method": method, "n": n} | theirs | ratio)
    seconds = [row["cpu s"] for row in rows if row["method"] == "scc"]
    if len(sizes) > 1:
        slope = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
        rows.append({"method": "scc", "slope of cpu s in n": slope})
    harness.report("scc", rows, args)


if __name__ == "__main__":
    main()
