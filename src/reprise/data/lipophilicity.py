"""Lipophilicity of 4,200 compounds from ChEMBL, as MoleculeNet has them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_FILE = "Lipophilicity.csv"

SOURCE = Source(
    name="molecules",
    title="MoleculeNet's Lipophilicity",
    licence="MIT (repository); ChEMBL CC BY-SA 3.0",
    origin="github.com/GLambard/Molecules_Dataset_Collection, latest/, from MoleculeNet (Wu et al., 2018)",
    loader="reprise.data.lipophilicity.lipophilicity",
    serves=("inset", "selformer"),
    files=(_FILE,),
    sha256={_FILE: "b107ab86d8866def73c19d4a6655635c7a9ef99e9c7b22029c35131bdcfd48f4"},
    obtain=(
        f"Take {_FILE} of https://github.com/GLambard/Molecules_Dataset_Collection, folder latest, and put it into the "
        "folder molecules under REPRISE_DATA."
    ),
)


class Compounds(NamedTuple):
    """SMILES of compounds, aromatic bonds written as colons, and a number for each."""

    smiles: list[str]
    values: NDArray[np.float64]


def lipophilicity() -> Compounds:
    """Load 4,200 compounds with their measured log D at pH 7.4, from -1.5 to 4.5.

    Raises
    ------
    MissingDataError
        If the file is not on this machine; says what would bring it.
    DamagedFileError
        If the file is not as expected.
    """
    path = SOURCE.locate(_FILE)
    try:
        table = pd.read_csv(path, usecols=["smiles", "exp"])
        values = table["exp"].to_numpy(dtype=np.float64)
    except (OSError, ValueError) as problem:
        raise DamagedFileError(path, f"the columns smiles and exp cannot be read ({problem})") from problem
    if not len(table) or not np.isfinite(values).all() or bool(table["smiles"].isna().any()):
        raise DamagedFileError(path, "a compound lacks its SMILES or its value")
    return Compounds(table["smiles"].astype(str).tolist(), values)
