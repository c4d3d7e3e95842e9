"""Checkpoints of an unfinished training: the last two, each one safetensors file, checked before it is trusted."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from jcae.files import atomic_write

log = logging.getLogger(__name__)


def save_checkpoint(path: Path, fingerprint: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write the checkpoint, and keep the one before it: at every moment at least one of them is whole.

    Parameters
    ----------
    path : Path
        The one before it lies beside, as ``previous-<name>``.
    fingerprint : str
        Data, parameters and seeds the state belongs to.
    tensors : dict of str to Tensor
    facts : dict
        Anything JSON can say (NaN included).
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    metadata = {"fingerprint": fingerprint, "facts": json.dumps(facts)}
    metadata["sha256"] = _digest(tensors, metadata)
    if path.exists():
        os.replace(path, _previous(path))
    atomic_write(path, lambda file: file.write(save(tensors, metadata=metadata)))


def load_checkpoint(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read a checkpoint, else the one before it, or None where there is none that fits.

    A file of another training (its fingerprint differs) or a damaged one is left aside with a warning. Going on from an
    earlier state, or from the beginning, costs time but never gives a wrong result.
    """
    for file in (path, _previous(path)):
        if not file.exists():
            continue
        try:
            tensors, metadata = _read(file)
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            log.warning("%s is damaged and not resumed: %s", file, error)
            continue
        if metadata["fingerprint"] != fingerprint:
            log.warning("%s belongs to another training and is not resumed", file)
            continue
        if file != path:
            log.warning("going on from the checkpoint before it, %s", file)
        return tensors, json.loads(metadata["facts"])
    return None


def _previous(path: Path) -> Path:
    # In front: what comes behind a checkpoint's name are the seeds of a part of its block.
    return path.with_name(f"previous-{path.name}")


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(file, framework="pt") as content:
        metadata = content.metadata() or {}
        tensors = {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118
    if _digest(tensors, metadata) != metadata["sha256"]:
        raise ValueError("its checksum is not that of its content")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Checksum of all that a checkpoint says; the format has none."""
    digest = hashlib.sha256(f"{metadata['fingerprint']}\0{metadata['facts']}".encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
