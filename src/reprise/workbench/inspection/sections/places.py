"""Place: whether the coordinates of cities can be read off the model's states by a linear map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reprise.data.cities import load_cities
from reprise.errors import MissingDataError
from reprise.language import LanguageModel
from reprise.language.geospatial_interpretability import (
    GeoProbe,
    geo_scores,
    great_circle_km,
    name_probe,
    place_activations,
    predict_held_out,
)
from reprise.workbench.inspection.contract import (
    Estimate,
    Figure,
    Lines,
    NotApplicableError,
    Number,
    Pair,
    Points,
    SectionResult,
    Watch,
    Work,
)
from reprise.workbench.inspection.needs import need_context, need_tokenizer
from reprise.workbench.inspection.texts import some_streams, start_id
from reprise.workbench.inspection.wording import answered, number, share_of_items, written

CITIES, STREAMS, TOKENS, BATCH = 1000, 7, 5, 32
ENOUGH = 250.0  # km
LABELLED = 10

_SNIPPET = """\
from reprise.data.cities import load_cities
from reprise.language import LanguageModel
from reprise.language.geospatial_interpretability import GeoProbe, held_out_scores, place_activations

lm = LanguageModel.from_pretrained(MODEL)
cities = load_cities().table.head(1000)
read = place_activations(lm, list(cities.name), [{stream}], site="resid", pool="last")
print(held_out_scores(GeoProbe(), read[{stream}], cities[["latitude", "longitude"]]))"""


@dataclass(frozen=True)
class Located:
    """Where cities are, and where several maps put them that have not seen them (latitude and longitude in degrees).

    Parameters
    ----------
    names, coords : (n,) and (n, 2).
    by_stream : places by residual stream.
    found : places by the stream that was the best for the other half of the cities.
    stream : the best for all.
    letters, shuffled : places by the letters of names, and by states with the cities' places exchanged at random.
    abroad, letters_abroad : places of cities whose whole country was held out, by states and by letters.
    """

    names: tuple[str, ...]
    coords: np.ndarray
    by_stream: dict[int, np.ndarray]
    found: np.ndarray
    stream: int
    letters: np.ndarray
    shuffled: np.ndarray
    abroad: np.ndarray
    letters_abroad: np.ndarray

    def off(self, places: np.ndarray) -> np.ndarray:
        """Give how far places are from the cities, in km."""
        return great_circle_km(self.coords, places)


class Places:
    """The section; see the module."""

    name = "places"
    title = "Place"
    question = "Do the model's states hold where cities are?"
    papers = ("geospatial-interpretability",)
    terms = (
        (
            "linear probe",
            "A regression from a model's states to a property; where it works on unseen names, the "
            "property can be read off by a weighted sum.",
        ),
        ("held-out country", "A test in which no city of the country was used to fit the map."),
    )

    def work(self, model: LanguageModel, effort: float) -> Work:
        """One pass over the names, and ridge regressions."""
        need_tokenizer(model)
        need_context(model, 4 * TOKENS)
        try:
            load_cities()
        except MissingDataError as problem:
            raise NotApplicableError(f"Cities are not at hand: {problem}") from problem
        n, streams = _count(effort), min(STREAMS, model.n_layers + 1)
        fits = 5 * (streams + 4)
        return Work(read=n * (TOKENS + 2), seconds=3 + fits * 0.4 * (n / CITIES) * (model.d_model / 576))

    def measure(self, model: LanguageModel, *, effort: float, seed: int, watch: Watch) -> SectionResult:
        """Locate cities by each stream, beside what the letters of their names tell."""
        table = load_cities().table.head(_count(effort))
        names, coords = [str(name) for name in table["name"]], table[["latitude", "longitude"]].to_numpy(float)
        countries = table["country"].to_numpy()
        streams, parts = some_streams(model, STREAMS), []
        for first in range(0, len(names), 4 * BATCH):
            part = names[first : first + 4 * BATCH]
            parts.append(
                place_activations(
                    model, part, streams, site="resid", pool="last", batch_size=BATCH, first_token=start_id(model)
                )
            )
            watch(0.5 * (first + len(part)) / len(names))
        states = {stream: np.concatenate([part[stream] for part in parts]) for stream in streams}
        probe, letters, by_stream = GeoProbe(), name_probe(), {}
        for place, stream in enumerate(streams):
            by_stream[stream] = predict_held_out(probe, states[stream], coords, random_state=seed)
            watch(0.5 + 0.3 * (place + 1) / len(streams))
        found, stream = _best(by_stream, coords, np.random.default_rng(seed))
        exchanged = coords[np.random.default_rng(seed).permutation(len(coords))]
        spelled = np.array(names, dtype=object)
        located = Located(
            tuple(names),
            coords,
            by_stream,
            found,
            stream,
            letters=predict_held_out(letters, spelled, coords, random_state=seed),
            shuffled=predict_held_out(probe, states[stream], exchanged, random_state=seed),
            abroad=predict_held_out(probe, states[stream], coords, groups=countries, random_state=seed),
            letters_abroad=predict_held_out(letters, spelled, coords, groups=countries, random_state=seed),
        )
        watch(1.0)
        return self._result(model, located, effort)

    def _result(self, model: LanguageModel, located: Located, effort: float) -> SectionResult:
        off, letters = located.off(located.found), located.off(located.letters)
        nearer = Estimate.over(letters - off)
        abroad, letters_abroad = located.off(located.abroad), located.off(located.letters_abroad)
        nearer_abroad = Estimate.over(letters_abroad - abroad)
        scores, by_letters = geo_scores(located.coords, located.found), geo_scores(located.coords, located.letters)
        answer = answered(nearer, enough=ENOUGH)
        if answer == "yes" and (nearer_abroad.low is None or nearer_abroad.low <= 0):
            answer = "partly"
        can = {
            "yes": "can be read off its states",
            "partly": "can partly be read off its states",
            "no": "can be read off its states no better than off their spelling",
            "unclear": "may be in its states, but these cities do not settle it",
        }[answer]
        headline = (
            f"Where a city is {can}: half are within {number(scores.median_km, 0)} km, "
            f"{number(by_letters.median_km, 0)} km by the letters of their names."
        )
        sentences = (
            f"A linear map of the state at the end of a name puts half of {len(off)} cities that it has not seen "
            f"within {number(scores.median_km, 0)} km, with an R2 of {scores.r2_latitude:.2f} for latitude and "
            f"{scores.r2_longitude:.2f} for longitude. On average it is nearer by {written(nearer, 0)} km than the "
            "letters of the names"
            + (", which is clear." if nearer.low is not None and nearer.low > 0 else ", which is not clear."),
            "With no city of its country to go by, the mean distance grows from "
            f"{number(float(off.mean()), 0)} to {number(float(abroad.mean()), 0)} km, nearer by "
            f"{written(nearer_abroad, 0)} km than the letters, for which it grows from "
            f"{number(float(letters.mean()), 0)} to {number(float(letters_abroad.mean()), 0)} km.",
        )
        chance = located.off(located.shuffled)
        return SectionResult(
            answer,
            headline,
            sentences,
            numbers=(
                _farther("mean distance from the city, km", off, "letters of the name", letters),
                _farther("mean distance, km", off, "shuffled places", chance),
                _farther(
                    "mean distance where the country was held out, km", abroad, "letters of the name", letters_abroad
                ),
                Number(
                    "R2 of the longitude",
                    Estimate(scores.r2_longitude, n=len(off)),
                    "letters of the name",
                    Estimate(by_letters.r2_longitude, n=len(off)),
                ),
                Number(
                    "R2 of the latitude",
                    Estimate(scores.r2_latitude, n=len(off)),
                    "letters of the name",
                    Estimate(by_letters.r2_latitude, n=len(off)),
                ),
            ),
            figures=self._figures(located, letters),
            method=(
                f"The {len(off)} largest cities of the world; the model reads the name alone, and its state at the "
                "last token is taken.",
                "Ridge regression to latitude and longitude in five folds; for each half of the cities the stream is "
                "taken that was the best for the other half. Intervals are over cities.",
                "Letters: the 1- to 4-grams within words, by the same regression in the same folds.",
                *share_of_items(effort),
            ),
            limits=(
                "That places can be read off the states does not say that the model uses them.",
                "Held out at random, a city has neighbours in the data; with its whole country held out it has not.",
            ),
            snippet=_SNIPPET.format(stream=located.stream),
        )

    def _figures(self, located: Located, letters: np.ndarray) -> tuple[Figure, ...]:
        from reprise.workbench.inspection.sections.times import series

        values = [Estimate.over(located.off(places)) for places in located.by_stream.values()]
        labelled = _apart(located.coords, LABELLED)
        shown = tuple(name if place in labelled else "" for place, name in enumerate(located.names))

        def panel(title: str, places: np.ndarray) -> Points:
            return Points(
                title,
                "",
                x="longitude",
                y="latitude",
                at=tuple((round(float(lon), 2), round(float(lat), 2)) for lat, lon in places),
                colours=tuple(round(float(lon), 2) for lon in located.coords[:, 1]),
                colour="true longitude",
                names=shown,
            )

        return (
            Pair(
                "The world, as the model has it",
                "Cities that the map has not seen, where they are and where the model's states put them; colours tell "
                "the true longitude.",
                panels=(panel("where they are", located.coords), panel("read off the states", located.found)),
            ),
            Lines(
                "Where the place is",
                "Mean distance between where a city is and where it is put, by residual stream: the lower, the better. "
                "The dashed line is what the letters of the names give.",
                x="residual stream (0 is the embedding)",
                y="mean distance (km)",
                series=(series("states", list(located.by_stream), values),),
                level=float(letters.mean()),
            ),
        )


def _apart(coords: np.ndarray, count: int, among: int = 300) -> set[int]:
    """Choose some of the largest cities that lie far from each other, so that their names can be read."""
    points = coords[:among]
    chosen = [0]
    while len(chosen) < min(count, len(points)):
        nearest = np.min([great_circle_km(points, points[[place]].repeat(len(points), 0)) for place in chosen], axis=0)
        chosen.append(int(nearest.argmax()))
    return set(chosen)


def _best(by_stream: dict[int, np.ndarray], coords: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Give each half of the cities their places by the stream that was nearest for the other half, and the best one."""
    off = {stream: great_circle_km(coords, places) for stream, places in by_stream.items()}
    order = rng.permutation(len(coords))
    found = np.empty_like(coords)
    for here, there in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        chosen = min(off, key=lambda stream: float(off[stream][there].mean()))
        found[here] = by_stream[chosen][here]
    return found, min(off, key=lambda stream: float(off[stream].mean()))


def _farther(name: str, off: np.ndarray, control: str, beside: np.ndarray) -> Number:
    return Number(name, Estimate.over(off), control, Estimate.over(beside), Estimate.over(off - beside), digits=0)


def _count(effort: float) -> int:
    return max(240, round(CITIES * effort))


SECTION = Places()
