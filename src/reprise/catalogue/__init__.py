"""The catalogue: what each paper is, whom it serves, and how far Reprise has come with it.

One TOML file a paper beside this module; `paper` and `papers` read them, and a paper's status is derived from what
exists. Importing the catalogue is cheap: no numerical library is loaded.

Examples
--------
>>> paper("ila-sdp").family
'discover'
>>> papers(query="matrioshka")[0].slug
'matryoshka'
>>> "ila-sdp" in [found.slug for found in papers(family="discover", task="cluster")]
True
"""

from reprise.catalogue.model import Figure, Paper, Serves
from reprise.catalogue.shelf import paper, papers, slugs
from reprise.catalogue.start import distribution, snippet
from reprise.catalogue.vocabulary import FAMILIES, STATUSES, TASKS, Status

__all__ = [
    "FAMILIES",
    "STATUSES",
    "TASKS",
    "Figure",
    "Paper",
    "Serves",
    "Status",
    "distribution",
    "paper",
    "papers",
    "slugs",
    "snippet",
]
