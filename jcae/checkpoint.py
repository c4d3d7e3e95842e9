"""Checkpoints of an unfinished training: one safetensors file, replaced as a whole, checked before it is trusted."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

log = logging.getLogger(__name__)


def save_checkpoint(path: Path, fingerprint: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write the checkpoint so that a reader finds the old one or the new one, never a part.

    Parameters
    ----------
    path : Path
    fingerprint : str
        Data, parameters and seeds the state belongs to.
    tensors : dict of str to Tensor
    facts : dict
        Anything JSON can say (NaN included).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"fingerprint": fingerprint, "facts": json.dumps(facts)}
    payload = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, metadata=metadata)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    with open(temporary, "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_checkpoint(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read a checkpoint, or None where there is none that fits.

    A file of another training (its fingerprint differs) or a damaged one is left aside with a warning: training then
    starts from the beginning, which costs time but never a wrong result.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("fingerprint") != fingerprint:
                log.warning("%s belongs to another training and is not resumed", path)
                return None
            return {key: file.get_tensor(key) for key in file.keys()}, json.loads(metadata["facts"])  # noqa: SIM118
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        log.warning("%s is damaged and not resumed: %s", path, error)
        return None
