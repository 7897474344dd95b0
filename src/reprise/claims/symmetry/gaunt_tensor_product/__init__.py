"""Claims of Gaunt products (Luo et al., 2024): exact, fast, as good as Clebsch-Gordan products; and their limit."""

from __future__ import annotations

from collections.abc import Iterator

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.symmetry.gaunt_tensor_product.particles import EQUIVARIANCE, MSE, measure_particles, simulate
from reprise.claims.symmetry.gaunt_tensor_product.products import (
    DIFFERENCE,
    LARGEST,
    OURS,
    PEER,
    PEER_SAME,
    TIME,
    measure_agreement,
    measure_speed,
)
from reprise.claims.symmetry.gaunt_tensor_product.sizes import SIZES
from reprise.claims.symmetry.gaunt_tensor_product.tetris import ACHIRAL, CHIRAL, MIRROR, measure_tetris

CLAIMS = (
    Claim(
        id="fourier-is-exact",
        of="paper",
        kind="identity",
        says="the Fourier product is the contraction with the Gaunt tensor up to rounding",
        metric=DIFFERENCE,
        ours="fourier",
        tolerance=1e-10,
    ),
    Claim(
        id="grid-is-exact",
        of="here",
        kind="identity",
        says="so is the product on a grid",
        metric=DIFFERENCE,
        ours="grid",
        tolerance=1e-10,
    ),
    Claim(
        id="weighted-clebsch-gordan",
        of="paper",
        kind="identity",
        says="the product is e3nn's full tensor product with fixed weights: 0 for odd paths, a formula for even ones",
        metric=DIFFERENCE,
        ours="direct",
        tolerance=1e-10,
    ),
    Claim(
        id="thirty-times-faster",
        of="paper",
        kind="superior",
        says="at degree 10 it takes less than a thirtieth of the time of e3nn's full product with results up to 10",
        metric=LARGEST,
        better="lower",
        ours=OURS,
        against=(PEER,),
        margin=29 / 30,
        relative=True,
        timing=True,
        metric_unit="ms",
        note="One thread, 1,000 pairs. e3nn returns each path on its own and so many more numbers: the time per number "
        "of the result is measured beside it. The paper's figures are of a GPU.",
    ),
    Claim(
        id="cubic",
        of="paper",
        kind="slope",
        says="its time grows with the degree no faster than to the power of 3.7, from 4 to 12",
        metric=TIME,
        ours=OURS,
        high=3.7,
        log_log=True,
        timing=True,
        metric_unit="ms",
    ),
    Claim(
        id="faster-on-the-same-paths",
        of="here",
        kind="superior",
        says="at degree 10 it takes less than a fifteenth of the time of e3nn's product of the same paths",
        metric=LARGEST,
        better="lower",
        ours=OURS,
        against=(PEER_SAME,),
        margin=14 / 15,
        relative=True,
        timing=True,
        metric_unit="ms",
    ),
    Claim(
        id="as-good-as-clebsch-gordan",
        of="paper",
        kind="not_inferior",
        says="a network of Gaunt products predicts the n-body motion as well as the same of Clebsch-Gordan products",
        metric=MSE,
        better="lower",
        ours="Gaunt",
        against=("Clebsch-Gordan",),
        margin=0.05,
        relative=True,
        note="The paper's SEGNN errs by 0.0048 with Gaunt and by 0.0050 with Clebsch-Gordan products; not inferior "
        "means by less than 5 %.",
    ),
    Claim(
        id="beats-egnn",
        of="here",
        kind="superior",
        says="and better than EGNN after as many steps",
        metric=MSE,
        better="lower",
        ours="Gaunt",
        against=("EGNN",),
    ),
    Claim(
        id="beats-no-symmetry",
        of="here",
        kind="superior",
        says="and better than a graph network that is not equivariant",
        metric=MSE,
        better="lower",
        ours="Gaunt",
        against=("GNN",),
    ),
    Claim(
        id="equivariant",
        of="paper",
        kind="identity",
        says="the trained network's displacements turn and reflect with the particles, exactly",
        metric=EQUIVARIANCE,
        ours="Gaunt",
        tolerance=1e-4,
    ),
    Claim(
        id="blind-to-handedness",
        of="here",
        kind="identity",
        says="a network of Gaunt products gives the two mirror images among the Tetris pieces the same scores",
        metric=MIRROR,
        ours="Gaunt",
        tolerance=1e-10,
    ),
    Claim(
        id="sees-the-others",
        of="here",
        kind="interval",
        says="and names all other pieces in any pose",
        metric=ACHIRAL,
        ours="Gaunt",
        low=0.99,
    ),
    Claim(
        id="clebsch-gordan-sees-handedness",
        of="here",
        kind="superior",
        says="with the odd paths of Clebsch-Gordan products the same network tells the mirror images apart",
        metric=CHIRAL,
        ours="Clebsch-Gordan, odd paths too",
        against=("Gaunt",),
        margin=0.25,
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Simulate the particles."""
    size = SIZES[setting.scale]
    return Prepared(
        content=simulate(size),
        facts={
            "particles": "charged5_initvel1small (seed 43), simulated again",
            "training systems": size.train,
            "test systems": size.test,
            "epochs": size.epochs,
            "learning rates": ", ".join(f"{arm} {rate}" for arm, rate in size.lr.items()),
            "pairs multiplied at once": size.rows,
            "largest degree timed beside the peer": size.peer_timed[-1],
            "peer": "e3nn FullTensorProduct, its default options, construction not counted",
        },
    )


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Compare and time the products, then train on particles and on Tetris pieces."""
    size = SIZES[trial.scale]
    yield from measure_agreement(trial, size)
    yield from measure_speed(trial, size)
    yield from measure_tetris(trial, size)
    yield from measure_particles(trial, size, prepared.content)
