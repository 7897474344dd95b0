"""What the model holds while it reads the names of the places of one half: the ledger's, or the pilots'."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import torch

from reprise.claim import Scale
from reprise.claims.language._geospatial_interpretability.sizes import PLANS, Plan
from reprise.data.cities import Area, load_cities
from reprise.language import LanguageModel
from reprise.language.geospatial_interpretability import place_activations, place_prompts, unit_vectors
from reprise.language.geospatial_interpretability.places import Pool, Site
from reprise.models.tiny import tiny_language_model

AREAS: tuple[Area, ...] = ("great-britain", "italy", "new-york")
REGION, SHUFFLED, NAMES = "name and region", "name and a region dealt out anew", "name alone"
EMBEDDED = "name alone, embeddings"
_SYLLABLES = ("ka", "lo", "mi", "nu", "re", "sho", "ta", "vel")
_WORLD: Area = "world"
_BATCH_SIZE = 64

Layers = dict[int, np.ndarray]


@dataclass(frozen=True)
class AreaReading:
    """Activations of one area's places: by prompt, then by layer."""

    coords: np.ndarray
    activations: dict[str, Layers]


@dataclass(frozen=True)
class WorldReading:
    """What the world's cities are probed by: the state of the last token, and the mean of the word vectors."""

    names: tuple[str, ...]
    countries: np.ndarray
    coords: np.ndarray
    states: np.ndarray
    embedded: np.ndarray


@dataclass(frozen=True)
class Reading:
    """All that is read once, whatever the seed."""

    areas: dict[str, AreaReading]
    world: WorldReading


@cache
def read(scale: Scale, *, pilot: bool, device: str = "cpu") -> Reading:
    """Read all prompts of one half; which half a city is in follows from its number in GeoNames alone."""
    plan = PLANS[scale]
    tables = {area: _half(_places(area, plan), pilot).head(plan.places) for area in AREAS}
    world = _half(_places(_WORLD, plan), pilot).head(plan.world)
    model, cities = _model(plan, device, [*tables.values(), world]), world["name"].tolist()
    return Reading(
        {area: _read_area(model, table, plan) for area, table in tables.items()},
        WorldReading(
            tuple(cities),
            world["country"].to_numpy(),
            _coords(world),
            _read(model, cities, (plan.probed_stream,), plan, site="resid", pool="last")[plan.probed_stream],
            _read(model, cities, (0,), plan, site="resid")[0],
        ),
    )


def _read_area(model: LanguageModel, table: pd.DataFrame, plan: Plan) -> AreaReading:
    names, regions = table["name"].tolist(), table["region"].tolist()
    dealt = np.random.default_rng(len(table)).permutation(regions).tolist()
    prompts = {REGION: place_prompts(names, regions), SHUFFLED: place_prompts(names, dealt), NAMES: names}
    activations = {kind: _read(model, texts, plan.layers, plan) for kind, texts in prompts.items()}
    activations[EMBEDDED] = _read(model, names, (0,), plan, site="resid")
    return AreaReading(_coords(table), activations)


def _read(
    model: LanguageModel,
    prompts: Sequence[str],
    layers: Sequence[int],
    plan: Plan,
    site: Site = "mlp_in",
    pool: Pool = "mean",
) -> Layers:
    return place_activations(
        model, prompts, layers, site=site, pool=pool, batch_size=_BATCH_SIZE, first_token=plan.first_token
    )


def _model(plan: Plan, device: str, tables: Sequence[pd.DataFrame]) -> LanguageModel:
    if plan.model:
        on_gpu = torch.device(device).type == "cuda"
        return LanguageModel.from_pretrained(
            plan.model, device=device, dtype=torch.bfloat16 if on_gpu else torch.float32
        )
    words = " ".join(" ".join([*table["name"], *table["region"]]) for table in tables)
    return LanguageModel(*tiny_language_model(f"{words} ,", n_layers=max(plan.layers) + 1))


def _places(area: Area, plan: Plan) -> pd.DataFrame:
    return load_cities(area, plan.min_population).table if plan.min_population else _made_up(area)


def _half(table: pd.DataFrame, pilot: bool) -> pd.DataFrame:
    halves = np.array([zlib.crc32(str(number).encode()) % 2 for number in table["id"]])
    return table[halves == int(pilot)].reset_index(drop=True)


def _coords(table: pd.DataFrame) -> np.ndarray:
    return table[["latitude", "longitude"]].to_numpy(dtype=np.float64)


def _made_up(area: str, n: int = 240) -> pd.DataFrame:
    """Make up places whose names and regions follow their longitude."""
    rng = np.random.default_rng(zlib.crc32(area.encode()))
    coords = rng.uniform((-50, -150), (50, 150), size=(n, 2))
    east = unit_vectors(coords)[:, 1] > 0
    first, last = rng.integers(4, size=(2, n)) + 4 * east
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "name": [f"{_SYLLABLES[a]}{_SYLLABLES[b]}" for a, b in zip(first, last, strict=True)],
            "latitude": coords[:, 0],
            "longitude": coords[:, 1],
            "country": [f"{int(side)}{block}" for side, block in zip(east, rng.integers(4, size=n), strict=True)],
            "region": np.where(east, "East", "West"),
        }
    )
