"""Where the training of a block stands between two steps: what a checkpoint holds, and what is cut with a block."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass
class State:
    """Where the training of a block stands between two steps, in host memory.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Leading axis S, all of them: ``network/``, ``state/``, ``moments/``, ``mean/``, ``assigned`` and ``sums``. What
        belongs to the second loss of a phase is ``moments.1/`` and ``sums.1``, and so on.
    facts : dict
        What JSON can say: the phase, its counters, history, snapshots, updates, problems.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def select(self, positions: Sequence[int]) -> "State":
        """The state of the seeds at these positions."""
        at = list(positions)
        facts = json.loads(json.dumps(self.facts))
        facts["updates"] = [facts["updates"][i] for i in at]
        facts["problems"] = {str(at.index(int(i))): text for i, text in facts["problems"].items() if int(i) in at}
        for row in facts["history"]:
            row["values"] = [row["values"][i] for i in at]
        for key in ("active", "counts"):
            if facts["counters"] is not None:
                facts["counters"][key] = [facts["counters"][key][i] for i in at]
        return State({name: tensor[at] for name, tensor in self.tensors.items()}, facts)
