"""What a training left behind: one record an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from reprise.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class History:
    """One record an epoch, in order.

    Each record holds ``epoch`` (from 1), ``loss`` and every other term that the loss returned (means over the
    epoch's steps), ``lr`` (at the epoch's first step), ``seconds``, and what `validate` returned.

    Examples
    --------
    >>> history = History([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.4, "accuracy": 0.9}])
    >>> history.last["loss"]
    0.4
    >>> history["accuracy"]
    array([nan, 0.9])
    """

    records: list[dict[str, float]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, float]:
        """The record of the last epoch."""
        return self.records[-1]

    @property
    def names(self) -> list[str]:
        """What the records hold, in order of appearance."""
        return list(dict.fromkeys(name for record in self.records for name in record))

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, name: str) -> Float64[np.ndarray, " epochs"]:
        """Give the values of `name`, NaN for epochs that lack it.

        Raises
        ------
        UnknownNameError
            If no record holds `name`.
        """
        if name not in self.names:
            raise UnknownNameError("value in this history", name, self.names)
        return np.array([record.get(name, np.nan) for record in self.records])

    def to_pandas(self) -> pd.DataFrame:
        """Give the records as a data frame, indexed by epoch."""
        import pandas as pd

        return pd.DataFrame(self.records, columns=self.names or ["epoch"]).set_index("epoch")
