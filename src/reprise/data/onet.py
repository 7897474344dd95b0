"""Work activities of occupations in O*NET, the United States' description of jobs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_TITLES, _LINKS = "DWA_Reference.txt", "Tasks_to_DWAs.txt"

SOURCE = Source(
    name="onet",
    title="O*NET work activities",
    licence="CC BY 4.0 (O*NET database, U.S. Department of Labor)",
    origin="github.com/annaswigart/career-xplorer, data/, from https://www.onetcenter.org/database.html",
    loader="reprise.data.onet.work_activities",
    serves=("inset", "sesa"),
    files=(_TITLES, _LINKS),
    sha256={
        _TITLES: "0bc5d4cd59c8e0e09630d714f14d5c0bc523fc201a35a4a82990bce696ababf7",
        _LINKS: "d57aa97ebbe3a069f64b22d78cd37e98bb8d3e4da04268c5dc6870e1de30dbbe",
    },
    obtain=(
        "Take 'DWA Reference.txt' and 'Tasks to DWAs.txt' of an O*NET database from "
        "https://www.onetcenter.org/database.html, write underscores for the spaces in their names, and put them into "
        "the folder onet under REPRISE_DATA."
    ),
)


class WorkActivities(NamedTuple):
    """Titles of activities, and for each occupation the numbers of its activities, in order and each once."""

    titles: list[str]
    occupations: list[str]
    bundles: list[NDArray[np.intp]]


def work_activities() -> WorkActivities:
    """Load some 2,000 detailed work activities, shared by some 1,000 occupations (O*NET-SOC codes).

    Raises
    ------
    MissingDataError
        If the files are not on this machine; says what would bring them.
    DamagedFileError
        If a file is not as expected.
    """
    titles = _table(_TITLES, ["DWA ID", "DWA Title"])
    links = _table(_LINKS, ["O*NET-SOC Code", "DWA ID"])
    number = {name: row for row, name in enumerate(titles["DWA ID"])}
    if unknown := set(links["DWA ID"]) - number.keys():
        raise DamagedFileError(SOURCE.locate(_LINKS), f"`DWA ID` names {min(unknown)}, which {_TITLES} lacks")
    of_occupation = links["DWA ID"].map(number).groupby(links["O*NET-SOC Code"]).unique()
    return WorkActivities(
        titles["DWA Title"].tolist(),
        of_occupation.index.tolist(),
        [np.sort(np.asarray(rows, dtype=np.intp)) for rows in of_occupation],
    )


def _table(file: str, columns: list[str]) -> pd.DataFrame:
    path = SOURCE.locate(file)
    try:
        return pd.read_csv(path, sep="\t", usecols=columns, dtype=str).dropna()
    except (OSError, ValueError) as problem:
        raise DamagedFileError(path, f"the columns {', '.join(columns)} cannot be read ({problem})") from problem
