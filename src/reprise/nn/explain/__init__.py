"""Why a network gave an input its score: attributions to the parts of the input.

`deep_shap` shares the difference between an input's score and the background's among the input's values, by DeepLIFT
multipliers, expected gradients or integrated gradients; `grad_cam` weighs the feature maps of one layer.
"""

from reprise.nn.explain.attributions import METHODS, Attributions, deep_shap
from reprise.nn.explain.grad_cam import grad_cam

__all__ = ["METHODS", "Attributions", "deep_shap", "grad_cam"]
