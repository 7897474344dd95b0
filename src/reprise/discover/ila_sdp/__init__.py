"""Clusters of different shape and size by likelihood-adjusted semidefinite programs.

`LikelihoodAdjustedSDP` clusters a table; `kmeans_sdp` and `la_sdp` solve the two convex programs it is made of, and
`profile_loglik` is the likelihood that all of them maximise.

References
----------
Y. Zhuang, X. Chen, Y. Yang, "Likelihood adjusted semidefinite programs for clustering heterogeneous data", 2023,
arXiv 2209.15097.
"""

from reprise.discover.ila_sdp.estimator import LikelihoodAdjustedSDP
from reprise.discover.ila_sdp.likelihood import profile_loglik
from reprise.discover.ila_sdp.programs import kmeans_sdp, la_sdp
from reprise.discover.ila_sdp.solution import LiftedSolution

__all__ = ["LiftedSolution", "LikelihoodAdjustedSDP", "kmeans_sdp", "la_sdp", "profile_loglik"]
