"""Matryoshka representation learning: one embedding that is good at every length.

The first m coordinates of an embedding are trained to be a good embedding themselves, for each m of a short nesting
list, so that an index, a cache or a classifier can keep 8, 16, ... or all of them, and change its mind later.

- Train your own network: `MatryoshkaHead` with `MatryoshkaLoss` on labels, `MatryoshkaEmbeddingLoss` around any loss
  on embeddings; or `MatryoshkaClassifier` on arrays.
- Use embeddings: `truncate`, `ncm_classify`, and to search them once `adaptive_retrieval` and `funnel_retrieval`, often
  `MatryoshkaIndex`.
- Spend on each sample what it needs: `calibrate_cascade` and `cascade_levels`, which `MatryoshkaClassifier` calls.

References
----------
Kusupati, Bhatt, Rege, Wallingford, Sinha, Ramanujan, Howard-Snyder, Chen, Kakade, Jain and Farhadi (2022),
"Matryoshka representation learning", NeurIPS 2022, arXiv 2205.13147; https://github.com/RAIVNLab/MRL.
"""

from reprise.retrieve.matryoshka.cascade import calibrate_cascade, cascade_levels
from reprise.retrieve.matryoshka.classifier import MatryoshkaClassifier, MatryoshkaNetwork
from reprise.retrieve.matryoshka.heads import MatryoshkaHead
from reprise.retrieve.matryoshka.losses import MatryoshkaEmbeddingLoss, MatryoshkaLoss
from reprise.retrieve.matryoshka.prefixes import ncm_classify, truncate
from reprise.retrieve.matryoshka.search import MatryoshkaIndex, Retrieval, adaptive_retrieval, funnel_retrieval

__all__ = [
    "MatryoshkaClassifier",
    "MatryoshkaEmbeddingLoss",
    "MatryoshkaHead",
    "MatryoshkaIndex",
    "MatryoshkaLoss",
    "MatryoshkaNetwork",
    "Retrieval",
    "adaptive_retrieval",
    "calibrate_cascade",
    "cascade_levels",
    "funnel_retrieval",
    "ncm_classify",
    "truncate",
]
