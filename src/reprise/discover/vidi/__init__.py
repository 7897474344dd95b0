"""Groups of images by why a classifier decided on them, described by what speaks for and against (ViDi).

`ExplanationClustering` explains a classifier's decisions by attribution maps, clusters these, and describes each
cluster; its `to_html` makes a page to read. `explanation_features` are what it clusters; `severity_homogeneity` and
`positive_predictive_value` are the measures of the paper.

References
----------
S. Ravi, S. Khoshrou, M. Pechenizkiy, "ViDi: Descriptive visual data clustering as radiologist assistant in COVID-19
streamline diagnostic", 2020, arXiv 2011.14871. No official code is known.
"""

from reprise.discover.vidi.description import ClusterDescription
from reprise.discover.vidi.estimator import ExplanationClustering
from reprise.discover.vidi.features import explanation_features
from reprise.discover.vidi.quality import positive_predictive_value, severity_homogeneity

__all__ = [
    "ClusterDescription",
    "ExplanationClustering",
    "explanation_features",
    "positive_predictive_value",
    "severity_homogeneity",
]
