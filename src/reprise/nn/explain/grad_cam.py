"""Grad-CAM: where one layer's feature maps speak for a class."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from reprise.errors import InvalidInputError
from reprise.nn.explain.network import Explained, explained_classes, held_still


def grad_cam(
    model: nn.Module,
    images: ArrayLike | Tensor,
    layer: nn.Module,
    *,
    target: int | str = "pred",
    batch_size: int = 64,
) -> Float[np.ndarray, "n H W"]:
    """Weigh a layer's feature maps by their mean gradients, and keep what speaks for the class.

    With the layer's maps A_k and a class's score f_c::

        max(0, Σ_k w_k A_k),        w_k = mean over positions of ∂f_c / ∂A_k

    enlarged (bilinear) to the images' size. Grad-CAM is coarse where the layer is, and tells nothing that speaks
    against a class; `deep_shap` does both.

    Parameters
    ----------
    model : gives scores (n, C) of a batch of images. It is explained in evaluation mode and left as it was.
    images : (n, channels, H, W).
    layer : a part of the model that gives (n, channels, H', W'), such as its last convolution.
    target : ``"pred"`` explains the class of the highest score, an integer that class.
    batch_size : images at once.

    Returns
    -------
    (n, H, W) array, not negative

    Raises
    ------
    InvalidInputError
        If the images are not such, the layer is none of the model's or is passed not exactly once, or gives no maps.

    Notes
    -----
    One forward and one backward pass an image.

    References
    ----------
    Selvaraju et al. (2016), "Grad-CAM: visual explanations from deep networks via gradient-based localization",
    arXiv:1610.02391.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> convolution = nn.Conv2d(1, 1, 1, bias=False)
    >>> model = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2, bias=False)).eval()
    >>> for part in (convolution, model[3]):
    ...     _ = nn.init.ones_(part.weight)
    >>> grad_cam(model, [[[[0.0, 8.0], [4.0, -8.0]]]], convolution)
    array([[[0., 2.],
            [1., 0.]]], dtype=float32)
    """
    network = Explained(model, batch_size)
    x = network.tensor(images, "Images")
    if x.ndim != 4:
        raise InvalidInputError(f"Images (n, channels, H, W) are expected; got shape {tuple(x.shape)}.")
    if target == "all":
        raise InvalidInputError("Grad-CAM explains one class: target is 'pred' or an integer.")
    if all(part is not layer for part in model.modules()):
        raise InvalidInputError(f"The layer {type(layer).__name__} is no part of the model.")
    maps = []
    with held_still(model):
        for _, batch in network.batches(x):
            kept: list[Tensor] = []
            handle = layer.register_forward_hook(lambda _, inputs, output, kept=kept: kept.append(output))
            try:
                with torch.enable_grad():
                    scores = network.checked(model(batch.requires_grad_().clone()), len(batch))
            finally:
                handle.remove()
            if len(kept) != 1 or kept[0].ndim != 4:
                shapes = [tuple(output.shape) for output in kept]
                raise InvalidInputError(
                    f"The layer is expected to give maps (n, channels, H, W) once; it gave {shapes}."
                )
            classes = explained_classes(target, scores.detach().cpu()).to(scores.device)  # type: ignore[arg-type]
            (gradient,) = torch.autograd.grad(scores.gather(1, classes).sum(), kept[0])
            coarse = (gradient.mean((2, 3), keepdim=True) * kept[0].detach()).sum(dim=1, keepdim=True).relu()
            fine = functional.interpolate(coarse, tuple(x.shape[2:]), mode="bilinear", align_corners=False)
            maps.append(fine[:, 0].cpu())
    return torch.cat(maps).numpy()
