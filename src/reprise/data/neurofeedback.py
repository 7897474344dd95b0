"""Short sentences of two kinds: happy and sad scenarios, true and false statements."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from reprise.data.sources import Source
from reprise.errors import DamagedFileError, InvalidInputError

EMOTIONS = {"happiness": 1, "sadness": 0}
TOPICS = ("animals", "cities", "facts")
_FOLDERS = {"json": "data/emotions", "csv": "data/true-false-dataset"}
_SHA256 = {
    "happiness.json": "87d9563e146b566074b4658ed378ae39e0c3b0d0f16882d29fc791042fe576d4",
    "sadness.json": "5578688c6f4865898d3e83607689d24f3488c7916c1ce25766cfe1011fd26a64",
    "animals_true_false.csv": "be4dff3fb7bc5d77f45ff6928e0059adcdd0c5d93da11968dd268edd90d1da95",
    "cities_true_false.csv": "3350b0083d6cb3fdb4a7dfca6e58b857e5461bf90dc47ee15472ecef86755677",
    "facts_true_false.csv": "35e450993b420db086347833e195d6d14743eec5bd4794e02e2fc2568effd028",
}
_COMMIT = "0f56b431ad17215c40a9b7af8213ed01fa8e9da7"

NEUROFEEDBACK = Source(
    name="neurofeedback",
    title="Emotional scenarios and true or false statements",
    licence="GPL-3.0",
    origin="github.com/sakimarquis/llm_neurofeedback (Li Ji-An et al., 2025); the statements: A. Azaria and T. "
    "Mitchell, 2023, arXiv:2304.13734",
    loader="reprise.data.neurofeedback.load_emotions",
    serves=("metacognition",),
    files=tuple(_SHA256),
    sha256=_SHA256,
    urls={
        file: f"https://raw.githubusercontent.com/sakimarquis/llm_neurofeedback/{_COMMIT}/"
        f"{_FOLDERS[file.rpartition('.')[2]]}/{file}"
        for file in _SHA256
    },
    obtain="Set REPRISE_DATA to a folder that holds neurofeedback/happiness.json and its companions, or connect to the "
    "internet.",
)


class Labelled(NamedTuple):
    """Sentences and their classes, 0 or 1."""

    sentences: list[str]
    labels: list[int]


def load_emotions() -> Labelled:
    """Load 1,489 short scenarios, happy (1) or sad (0): "A hummingbird lands nearby and seems to dance" is one.

    Of the 1,500 in the files, eleven are there twice, and are given once.

    Raises
    ------
    MissingDataError
        If a file is not here and cannot be downloaded.
    DamagedFileError
        If a file cannot be read.
    """
    found: dict[str, int] = {}
    for emotion, label in EMOTIONS.items():
        path = NEUROFEEDBACK.locate(f"{emotion}.json")
        try:
            sentences = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise DamagedFileError(path, str(problem)) from problem
        if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
            raise DamagedFileError(path, "a list of sentences is expected")
        for sentence in sentences:
            found.setdefault(sentence.strip(), label)
    return Labelled(list(found), list(found.values()))


def load_statements(topics: Collection[str] = TOPICS) -> Labelled:
    """Load statements, true (1) or false (0): "Thimphu is a name of a city" is one.

    Parameters
    ----------
    topics : of ``"animals"``, ``"cities"`` and ``"facts"``.

    Raises
    ------
    InvalidInputError
        If a topic is not one of these.
    MissingDataError
        If a file is not here and cannot be downloaded.
    DamagedFileError
        If a file cannot be read.
    """
    if unknown := set(topics) - set(TOPICS):
        raise InvalidInputError(f"There are no statements on {min(unknown)!r}; topics are {', '.join(TOPICS)}.")
    sentences: list[str] = []
    labels: list[int] = []
    for topic in topics:
        path = NEUROFEEDBACK.locate(f"{topic}_true_false.csv")
        try:
            table = pd.read_csv(path)
            sentences += table["statement"].str.strip().tolist()
            labels += table["label"].astype(int).tolist()
        except (OSError, ValueError, KeyError) as problem:
            raise DamagedFileError(path, str(problem)) from problem
    return Labelled(sentences, labels)
