"""Sparse codes of points under several dictionaries: unrolled FISTA, through which gradients flow.

A dictionary W (d, H) has one atom per column. All functions take leading axes before those named here, the seeds of a
block for instance, and mix none of them.
"""

from torch import Tensor

from jcae.nn.products import matmul


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """a @ b (..., n, m), each product the one that it would be alone (`jcae.nn.products`)."""
    return matmul(a.flatten(0, -3), b.flatten(0, -3)).unflatten(0, a.shape[:-2])


def bounded_step(dictionaries: Tensor, step: float) -> Tensor:
    """The step, or 1 / ||W^T W||_F where that is less: (..., 1, 1) for dictionaries (..., d, H), without a gradient.

    FISTA needs a step of at most 1 / sigma_max(W)^2, and sigma_max^2 is at most this norm; where the atoms of a cluster
    look alike, which is when it matters, the two are close. Unlike the singular value it costs no decomposition.
    """
    atoms = dictionaries.detach()
    return (1.0 / multiply(atoms.mT, atoms).square().sum((-2, -1), keepdim=True).sqrt()).clamp_max(step)


def sparse_codes(
    x: Tensor,
    dictionaries: Tensor,
    sparsity: float,
    step: Tensor | float,
    n_layers: int,
    observed: Tensor | None = None,
) -> Tensor:
    """Codes (..., K, B, H) of points under each of K dictionaries, after `n_layers` of FISTA from zero.

    Steps towards the least 1/2 ||x - W z||^2 + sparsity ||z||_1 (Beck and Teboulle, SIAM J. Imaging Sciences 2009),
    written as layers of a network whose weights are all W: Lin, Song and Ba, arXiv 2110.04683.

    Parameters
    ----------
    x : Tensor, (..., B, d)
    dictionaries : Tensor, (..., K, d, H)
    sparsity : float
        lambda.
    step : float or Tensor, broadcastable to (..., K, 1, 1)
        eta, at most 1 / sigma_max(W)^2: above it codes may grow without end.
    n_layers : int
        T.
    observed : Tensor of bool, (..., B, d), optional
        False for entries that are missing; what x holds there, a finite number, does not matter.
    """
    atoms, x = dictionaries, per_dictionary(x, dictionaries)
    if observed is None:
        # W^T (W v - x) through W^T W and W^T x: d is many times H.
        gram, towards = multiply(atoms.mT, atoms), multiply(x, atoms)
    else:
        seen = per_dictionary(observed, dictionaries).to(x.dtype)
    z = v = x.new_zeros(*x.shape[:-1], atoms.shape[-1])
    t = 1.0
    for _ in range(n_layers):
        if observed is None:
            gradient = multiply(v, gram) - towards
        else:
            gradient = multiply((multiply(v, atoms.mT) - x) * seen, atoms)
        u = v - step * gradient
        new = u - u.clamp(-sparsity * step, sparsity * step)  # soft threshold
        t, last = (1.0 + (1.0 + 4.0 * t * t) ** 0.5) / 2.0, t
        v = new + (last - 1.0) / t * (new - z)
        z = new
    return z


def energies(x: Tensor, dictionaries: Tensor, codes: Tensor, sparsity: float, observed: Tensor | None = None) -> Tensor:
    """||x - W_k z_k||^2 + sparsity ||z_k||_1, (..., B, K), for codes (..., K, B, H); see `sparse_codes`.

    There is no 1/2 before the square, unlike in what the codes minimise. Missing entries, if any, have no error.
    """
    errors = per_dictionary(x, dictionaries) - multiply(codes, dictionaries.mT)
    if observed is not None:
        errors = errors * per_dictionary(observed, dictionaries)
    return (errors.square().sum(-1) + sparsity * codes.abs().sum(-1)).mT


def per_dictionary(x: Tensor, dictionaries: Tensor) -> Tensor:
    """x (..., B, d) once for each dictionary (..., K, d, H): (..., K, B, d)."""
    return x.unsqueeze(-3).expand(*dictionaries.shape[:-2], *x.shape[-2:])
