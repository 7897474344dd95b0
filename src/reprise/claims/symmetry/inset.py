"""Claims of INSET (Xie et al., 2024): whether knowing the pool helps to select the subset.

Two simulated sets of the paper, and four real ones built as the paper builds its own: odd digits among others, people
whose diabetes advances most, compounds of highest log D, and the work activities of an occupation.
"""

from __future__ import annotations

from collections.abc import Iterator

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.symmetry._inset.arms import (
    CLASSIFIER_EPOCHS,
    CONSTANT,
    DEEPSETS,
    EQUIVSET,
    EQUIVSET_MLP,
    INSET,
    INSET_MLP,
    RANDOM,
    SHIFT,
    SUPERSET,
    jaccard_on,
    measure_task,
    parameters,
)
from reprise.claims.symmetry._inset.datasets import load_tables, make_task
from reprise.claims.symmetry._inset.sizes import DATA, SIZES

DIGIT_PIXELS = 64
TOY = ("two moons", "Gaussian mixture")
GAIN_OF_TOYS = "The paper's own gain on this simulated set is small, at most a point."
LINEAR = (
    "The authors encode vectors linearly before summing, so that their energy knows a subset's size and mean only; the "
    "classifier's elements pass a hidden layer first."
)
LINEAR_OF = dict.fromkeys(TOY, LINEAR) | {
    "compounds": f"{LINEAR} With a hidden layer in its encoder INSET reaches 34.1 % where DeepSets has 34.9 %."
}
ARMS = (INSET, EQUIVSET, INSET_MLP, EQUIVSET_MLP, DEEPSETS, RANDOM)
MORE_ARMS = {"two moons": (SUPERSET, CONSTANT), "work activities": (SUPERSET,)}


def _slug(data: str) -> str:
    return data.lower().replace(" ", "-")


# Thresholds: 2 points on two moons and half a point on digits were set before this code was written, at about half and
# a third of what a first draft gained with two seeds; the 20 points of an encoder and over chance, and the one point
# of what is equal, come from pilots on seed 1000; 1e-9 is rounding.
CLAIMS = (
    *(
        Claim(
            id=f"beats-equivset-{_slug(data)}",
            of="paper",
            kind="superior",
            metric=jaccard_on(data),
            ours=INSET,
            against=(EQUIVSET,),
            metric_unit="%",
            says=f"on {data}, INSET, whose energy sees the pool, selects better subsets than EquiVSet, all equal but "
            "the second network",
            note=GAIN_OF_TOYS if data in TOY else "",
        )
        for data in DATA
    ),
    *(
        Claim(
            id=f"beats-deepsets-{_slug(data)}",
            of="paper",
            kind="superior",
            metric=jaccard_on(data),
            ours=INSET,
            against=(DEEPSETS,),
            metric_unit="%",
            says=f"on {data}, INSET selects better subsets than DeepSets that classifies each element within its pool",
            note=LINEAR_OF.get(data, ""),
        )
        for data in DATA
    ),
    *(
        Claim(
            id=f"beats-equivset-with-mlp-{_slug(data)}",
            of="here",
            kind="superior",
            metric=jaccard_on(data),
            ours=INSET_MLP,
            against=(EQUIVSET_MLP,),
            metric_unit="%",
            says=f"on {data}, INSET selects better subsets than EquiVSet where both encode elements by a network with "
            "a hidden layer",
        )
        for data in DATA
    ),
    Claim(
        id="mlp-encoder-sees-moons",
        of="here",
        kind="superior",
        metric=jaccard_on("two moons"),
        ours=INSET_MLP,
        against=(INSET,),
        margin=20.0,
        metric_unit="%",
        says="on two moons, INSET selects more than 20 points better where elements are encoded by a network with a "
        "hidden layer, not linearly",
    ),
    Claim(
        id="two-points-on-two-moons",
        of="here",
        kind="superior",
        metric=jaccard_on("two moons"),
        ours=INSET,
        against=(EQUIVSET,),
        margin=2.0,
        metric_unit="%",
        says="on two moons, with 30 points in a pool, INSET is at least 2 points better than EquiVSet",
    ),
    Claim(
        id="half-a-point-on-digits",
        of="here",
        kind="superior",
        metric=jaccard_on("digits"),
        ours=INSET,
        against=(EQUIVSET,),
        margin=0.5,
        metric_unit="%",
        says="on odd digits, INSET is at least half a point better than EquiVSet",
    ),
    *(
        Claim(
            id=f"superset-beats-equivset-{_slug(data)}",
            of="here",
            kind="superior",
            metric=jaccard_on(data),
            ours=SUPERSET,
            against=(EQUIVSET,),
            metric_unit="%",
            says=f"on {data}, INSET with the energy as the paper writes it, of the subset joined with its whole pool, "
            "selects better subsets than EquiVSet",
        )
        for data in ("two moons", "work activities")
    ),
    Claim(
        id="better-than-random",
        of="here",
        kind="superior",
        metric=jaccard_on("diabetes"),
        ours=INSET,
        against=(RANDOM,),
        margin=20.0,
        metric_unit="%",
        says="even of 260 people with diabetes INSET learns to select better than at random, by 20 points",
    ),
    Claim(
        id="constant-cancels",
        of="here",
        kind="identity",
        metric=SHIFT,
        ours=CONSTANT,
        tolerance=1e-9,
        says="a value of the pool that is merely added to EquiVSet's energy changes no mean-field probability",
    ),
    Claim(
        id="constant-is-none",
        of="here",
        kind="equivalent",
        metric=jaccard_on("two moons"),
        ours=CONSTANT,
        against=(EQUIVSET,),
        margin=1.0,
        metric_unit="%",
        says="with a value of the pool merely added, EquiVSet's training ends where it does without, within a point on "
        "two moons",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Load the tables that pools are drawn from."""
    size = SIZES[setting.scale]
    tables, facts = load_tables(setting.scale)
    counts = {f"pools, {data}": " / ".join(map(str, size.pools[data])) for data in DATA}
    more: dict[str, str | int] = {
        "points in a simulated pool": size.toy_pool,
        "networks": ", ".join(f"{name} {value}" for name, value in size.selector.items()),
        "parameters on digits": ", ".join(f"{arm} {parameters(arm, DIGIT_PIXELS, size):,}" for arm in ARMS[:-1]),
        "epochs": f"{size.epochs} of {size.batch_size} pools a batch; of DeepSets {CLASSIFIER_EPOCHS * size.epochs}",
        "learning rates": "the authors' for energies"
        if setting.scale == "full"
        else "for each arm and data set the best on held-out pools of pilot seed 1000, those at an edge compared again "
        "after seeds 0 to 4 had been measured with the first choice",
    }
    return Prepared(tables, facts | counts | more)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Draw each data set's pools, and train every arm on them."""
    size = SIZES[trial.scale]
    for number, data in enumerate(DATA):
        rng = trial.rng().spawn(len(DATA))[number]
        task = make_task(data, prepared.content, size, rng)
        yield from measure_task(data, task, size, trial, ARMS + MORE_ARMS.get(data, ()))
