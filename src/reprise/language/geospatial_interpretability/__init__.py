"""Places in language models: which neurons and sparse features react to places in a spatially coherent way.

Read a layer while the model reads names (`place_activations`), say which places are neighbours (`knn_weights`), and
measure the spatial autocorrelation of every neuron at once (`morans_i`), with permutations that say what the best of so
many neurons reaches by chance. `local_moran` finds where on a neuron's map its clusters are, `lisa_map` and
`activation_map` draw it; `GeoProbe` asks a whole layer where places are::

    lm = LanguageModel.from_pretrained()
    read = place_activations(lm, place_prompts(names), layers=[7, 15])
    result = morans_i(read[7], knn_weights(coords))
    for neuron in result.selected():
        lisa_map(coords, local_moran(read[7][:, neuron], knn_weights(coords)), f"neuron {neuron}")
    held_out_scores(GeoProbe(target="sphere"), read[15], coords, groups=countries)
    held_out_scores(name_probe(target="sphere"), names, coords, groups=countries)  # what the letters alone tell

References
----------
S. De Sabbata, S. Mizzaro and K. Roitero (2025). Geospatial mechanistic interpretability of large language models.
arXiv:2505.03368. Official code: github.com/sdesabbata/geospatial-mechanistic-interpretability.
"""

from reprise.language.geospatial_interpretability.features import (
    FeatureMaps,
    feature_maps,
    place_sae,
    sparse_features,
)
from reprise.language.geospatial_interpretability.local import LisaResult, local_moran
from reprise.language.geospatial_interpretability.maps import activation_map, lisa_map
from reprise.language.geospatial_interpretability.moran import MoranResult, morans_i
from reprise.language.geospatial_interpretability.places import place_activations, place_prompts
from reprise.language.geospatial_interpretability.probe import GeoProbe, GeoScores, geo_scores, name_probe
from reprise.language.geospatial_interpretability.sphere import (
    coordinates,
    equirectangular,
    great_circle_km,
    unit_vectors,
)
from reprise.language.geospatial_interpretability.splits import held_out_scores, predict_held_out, spatial_blocks
from reprise.language.geospatial_interpretability.weights import knn_weights

__all__ = [
    "FeatureMaps",
    "GeoProbe",
    "GeoScores",
    "LisaResult",
    "MoranResult",
    "activation_map",
    "coordinates",
    "equirectangular",
    "feature_maps",
    "geo_scores",
    "great_circle_km",
    "held_out_scores",
    "knn_weights",
    "lisa_map",
    "local_moran",
    "morans_i",
    "name_probe",
    "place_activations",
    "place_prompts",
    "place_sae",
    "predict_held_out",
    "sparse_features",
    "spatial_blocks",
    "unit_vectors",
]
