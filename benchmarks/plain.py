"""The reference: one seed at a time, layers of torch.nn, torch.optim, a DataLoader; written without this project.

Written for the comparison and kept simple, but not slow on purpose: it is what the tutorials of PyTorch teach.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.shapes import HIDDEN, Shape


def _stack(widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class AECM(nn.Module):
    """Autoencoder and clustering module of one seed, and the loss of the paper."""

    def __init__(self, shape: Shape, alpha: float = 20.0):
        super().__init__()
        widths = [shape.d, *HIDDEN, shape.code]
        self.encoder, self.decoder = _stack(widths), _stack(widths[::-1])
        self.assign = nn.Linear(shape.code, shape.k)
        self.M = nn.Parameter(torch.rand(shape.k, shape.code) / shape.code)
        self.c = nn.Parameter(torch.zeros(shape.code))
        self.alpha = alpha

    def loss(self, x: Tensor) -> Tensor:
        """Sum over the batch x (B, d)."""
        z = self.encoder(x)
        gamma, mu = torch.softmax(self.assign(z), dim=1), self.M + self.c
        reconstruction = (x - self.decoder(z)).square().sum()
        distortion = (z - gamma @ mu).square().sum()
        sparsity = (gamma * (1 - gamma)).sum()
        orthonormality = (mu @ mu.T - torch.eye(len(mu), device=x.device)).abs().sum()
        prior = (1 - self.alpha) * torch.log(gamma.mean(0) + 1e-10).sum()
        return reconstruction + distortion + sparsity + orthonormality + prior


class CM(nn.Module):
    """Clustering module of one seed, and the loss of the paper."""

    def __init__(self, shape: Shape, alpha: float = 20.0):
        super().__init__()
        self.assign = nn.Linear(shape.d, shape.k)
        self.M = nn.Parameter(torch.rand(shape.k, shape.d) / shape.d)
        self.c = nn.Parameter(torch.zeros(shape.d))
        self.alpha = alpha

    def loss(self, x: Tensor) -> Tensor:
        """Sum over the batch x (B, d)."""
        gamma, mu = torch.softmax(self.assign(x), dim=1), self.M + self.c
        reconstruction = (x - gamma @ mu).square().sum()
        sparsity = ((gamma * (1 - gamma)).sum(0) * mu.square().sum(1)).sum()
        products = (gamma.T @ gamma) * (mu @ mu.T)
        separation = products.diagonal().sum() - products.sum()
        prior = (1 - self.alpha) * torch.log(gamma.mean(0) + 1e-10).sum()
        return reconstruction + sparsity + separation + prior


class Training:
    """One epoch per call.

    Parameters
    ----------
    model : AECM or CM
    x : Tensor, (n, d)
        In host memory, as a DataLoader wants it; batches go to `device`.
    batch : int
    device : str
    """

    def __init__(self, model: nn.Module, x: Tensor, batch: int, device: str):
        self.model, self.device = model.to(device), device
        self.loader = DataLoader(TensorDataset(x.cpu()), batch_size=batch, shuffle=True, pin_memory=device != "cpu")
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3, eps=1e-3)

    def __call__(self) -> None:
        total = 0.0
        for (x,) in self.loader:
            loss = self.model.loss(x.to(self.device, non_blocking=True))
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            total += loss.item()
