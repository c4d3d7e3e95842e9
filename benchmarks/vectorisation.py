"""How are S networks best written? Stacked layers by hand, torch.func over one seed's code, torch.compile of either.

All three minimise the loss of AE-CM on the same batches with the same fused Adam; only forward and backward differ.
"""

import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import harness, plain
from benchmarks.shapes import AECM_SHAPES, Shape, aecm, data
from jcae.training.block import Block
from jcae.training.optimisers import BlockOptimiser, Optimiser

STEPS = 4


def stacked(shape: Shape, x: Tensor, seeds: int) -> tuple[Callable[[Tensor], list[Tensor]], dict[str, Tensor]]:
    """Ours: layers with a leading seed axis."""
    network = aecm(shape).build_network(shape.d, range(seeds)).to(x.device)
    block = Block(network, x, range(seeds))
    loss = aecm(shape).training_phases(block)[0].loss
    parameters = dict(network.named_parameters())

    def gradients(batch: Tensor) -> list[Tensor]:
        rows = torch.zeros(batch.shape[:2], dtype=torch.int64, device=x.device)
        total = loss(batch, rows).total().sum()
        return list(torch.autograd.grad(total, list(parameters.values()), allow_unused=True, materialize_grads=True))

    return gradients, parameters


def mapped(shape: Shape, x: Tensor, seeds: int) -> tuple[Callable[[Tensor], list[Tensor]], dict[str, Tensor]]:
    """torch.func: the module of one seed, its parameters stacked, vmap over the gradient."""
    models = [plain.AECM(shape).to(x.device) for _ in range(seeds)]
    parameters, _ = torch.func.stack_module_state(models)

    def one(weights: dict[str, Tensor], batch: Tensor) -> Tensor:
        return torch.func.functional_call(models[0], weights, (batch,))

    models[0].forward = models[0].loss
    gradient = torch.func.vmap(torch.func.grad(one))

    def gradients(batch: Tensor) -> list[Tensor]:
        return list(gradient({k: v.detach() for k, v in parameters.items()}, batch).values())

    return gradients, parameters


def main() -> None:
    args = harness.arguments(__doc__)
    cpu = args.device == "cpu"
    seeds, repeats = (1 if cpu else 20), (1 if args.quick else 5)
    rows = []
    for shape in AECM_SHAPES:
        x = data(shape, 4, args.device)
        batch = x[: shape.batch].expand(seeds, -1, -1).contiguous()
        cases = {}
        for name, build in (("stacked by hand", stacked), ("torch.func", mapped)):
            gradients, parameters = build(shape, x, seeds)
            optimiser = BlockOptimiser(Optimiser("adam", 1e-3, eps=1e-3), parameters)

            def run(gradients=gradients, optimiser=optimiser, batch=batch):
                for _ in range(STEPS):
                    optimiser.step(gradients(batch))

            cases[name] = run
            if not cpu:  # the same, replayed from a CUDA graph
                side = torch.cuda.Stream()
                side.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(side):
                    run()
                torch.cuda.current_stream().wait_stream(side)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    run()
                cases[f"{name}, captured"] = graph.replay
        if not args.quick:
            gradients, parameters = mapped(shape, x, seeds)
            compiled = torch.compile(gradients)
            optimiser = BlockOptimiser(Optimiser("adam", 1e-3, eps=1e-3), parameters)

            def run_compiled(compiled=compiled, optimiser=optimiser, batch=batch):
                for _ in range(STEPS):
                    optimiser.step([g.contiguous() for g in compiled(batch)])

            cases["torch.func, compiled"] = run_compiled
        seconds = harness.interleave(cases, args.device, repeats)
        base = "stacked by hand" if cpu else "stacked by hand, captured"
        for name in cases:
            rows.append(
                {
                    "shape": shape.name,
                    "seeds": seeds,
                    "written": name,
                    "ms per step": 1e3 * statistics.median(seconds[name]) / STEPS,
                    f"speed against {base}": harness.median_ratio(seconds[base], seconds[name]),
                }
            )
    harness.report("vectorisation", rows, args)


if __name__ == "__main__":
    main()
