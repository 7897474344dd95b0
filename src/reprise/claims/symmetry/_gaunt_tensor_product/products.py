"""The product alone: the three ways beside each other and beside e3nn's full product, and how long each takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._gaunt_tensor_product.sizes import Size
from reprise.errors import MissingPackageError
from reprise.symmetry.gaunt_tensor_product import gaunt_coefficient, gaunt_tensor_product, many_body_product

DIFFERENCE = "largest difference between products of float64"
TIME = "time of a product"
CUBE = "time of a third power"
PER_OUTPUT = "time per number of the result"
OURS = "Gaunt"  # by the quickest way, which beyond the smallest degrees is the grid
FOURIER = "Gaunt, Fourier"
PEER = "e3nn"
PEER_SAME = "e3nn, same parities"
WARM_UP = 3  # rounds that are not counted: the peer compiles at its first calls
AGREEMENT_ROWS = 20


def measure_agreement(trial: Trial, size: Size) -> Iterator[Measurement]:
    """Compare Fourier and grid with the contraction, and the contraction with e3nn's even paths times their weights."""
    generator = torch.Generator().manual_seed(trial.seed)
    for degree in range(1, size.agreement + 1):
        x, y = torch.randn(2, AGREEMENT_ROWS, (degree + 1) ** 2, generator=generator, dtype=torch.float64)
        for highest in (degree, 2 * degree):
            direct = gaunt_tensor_product(x, y, highest, "direct")
            for method in ("fourier", "grid"):
                apart = gaunt_tensor_product(x, y, highest, method) - direct
                item = f"degree {degree} into {highest}"
                yield Measurement(method, DIFFERENCE, float(apart.abs().max()), item=item)
        with _double():
            product = full_product(degree, None)
        peer = product(x, y) @ gaunt_weights(product).to(x)
        difference = gaunt_tensor_product(x, y, degree, "direct") - peer
        item = f"degree {degree} into {degree}"
        yield Measurement("direct", DIFFERENCE, float(difference.abs().max()), item=item)


def measure_speed(trial: Trial, size: Size) -> Iterator[Measurement]:
    """Give median milliseconds of one thread by degree, without the peer's construction."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for degree in size.timed:
            yield from _timed(trial, size, degree)
    finally:
        torch.set_num_threads(threads)


def _timed(trial: Trial, size: Size, degree: int) -> Iterator[Measurement]:
    generator = torch.Generator().manual_seed(trial.seed)
    x, y = torch.randn(2, size.rows, (degree + 1) ** 2, generator=generator).to(trial.device)
    works: dict[str, Callable[[], Tensor]] = {
        OURS: lambda: gaunt_tensor_product(x, y, degree),
        FOURIER: lambda: gaunt_tensor_product(x, y, degree, "fourier"),
    }
    cubes: dict[str, Callable[[], Tensor]] = {}
    if degree in size.peer_timed:
        full, same = (full_product(degree, parities).to(trial.device) for parities in ((1, -1), None))
        works |= {PEER: lambda: full(x, y), PEER_SAME: lambda: same(x, y)}
        if degree == size.cubed:
            weights = gaunt_weights(same).to(x)
            cubes[OURS] = lambda: many_body_product(x, 3, degree)
            cubes[PEER_SAME] = lambda: same(same(x, x) @ weights, x) @ weights
    seconds, numbers = _race(works, size, trial.device)
    for arm, taken in seconds.items():
        yield Measurement(arm, TIME, 1e3 * taken, x=float(degree))
        yield Measurement(arm, PER_OUTPUT, 1e9 * taken / (size.rows * numbers[arm]), x=float(degree))
    for arm, taken in _race(cubes, size, trial.device)[0].items():
        yield Measurement(arm, CUBE, 1e3 * taken, x=float(degree))


def _race(works: dict[str, Callable[[], Tensor]], size: Size, device: str) -> tuple[dict[str, float], dict[str, int]]:
    """Give the median seconds of each work, called in turn in each round, and the numbers in a row of its result."""
    seconds: dict[str, list[float]] = {arm: [] for arm in works}
    with torch.no_grad():
        numbers = {arm: work().shape[-1] for arm, work in works.items()}
        for round_ in range(WARM_UP + size.rounds):
            for arm, work in works.items():
                taken = _seconds(work, device)
                if round_ >= WARM_UP:
                    seconds[arm].append(taken)
    return {arm: statistics.median(values) for arm, values in seconds.items()}, numbers


def full_product(degree: int, parities: tuple[int, ...] | None) -> Any:
    """Give e3nn's full product of features of degrees up to one, with results of degrees up to it.

    Factors have the parity (-1)^l of functions on the sphere. Results of the given parities are kept, or with None only
    those of the same parity (-1)^l: exactly the paths that the Gaunt product has.
    """
    o3 = _e3nn()
    natural = [o3.Irrep(degree_, (-1) ** degree_) for degree_ in range(degree + 1)]
    kept = natural if parities is None else [o3.Irrep(l, p) for l in range(degree + 1) for p in parities]  # noqa: E741
    factors = o3.Irreps([(1, irrep) for irrep in natural])
    return o3.FullTensorProduct(factors, factors, filter_ir_out=kept)


def gaunt_weights(product: Any) -> Tensor:
    """Give the matrix (numbers of all paths, numbers of the result) by which e3nn's even paths add up to Gaunt's."""
    slices = product.irreps_out.slices()
    matrix = torch.zeros(product.irreps_out.dim, (product.irreps_in1.lmax + 1) ** 2, dtype=torch.float64)
    for path in product.instructions:
        l1, l2 = product.irreps_in1[path.i_in1].ir.l, product.irreps_in2[path.i_in2].ir.l
        l3 = product.irreps_out[path.i_out].ir.l
        weight = gaunt_coefficient(l1, l2, l3) / (2 * l3 + 1) ** 0.5  # e3nn's paths have mean squares of 1
        matrix[slices[path.i_out], l3**2 : (l3 + 1) ** 2] = weight * torch.eye(2 * l3 + 1, dtype=torch.float64)
    return matrix


@contextmanager
def _double() -> Iterator[None]:
    """Let e3nn, which makes its constants in the default type, make them in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _seconds(work: Callable[[], object], device: str) -> float:
    accelerated = torch.device(device).type == "cuda"
    if accelerated:
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if accelerated:
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _e3nn() -> Any:
    try:
        from e3nn import o3
    except ImportError as problem:
        command = 'pip install "reprise-papers[bench]"'
        raise MissingPackageError("e3nn", command, "Comparing Gaunt products with Clebsch-Gordan products") from problem
    return o3
