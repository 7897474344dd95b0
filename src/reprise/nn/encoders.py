"""Small encoders: a multi-layer perceptron for vectors and a convolutional network for images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError


class MLP(nn.Module):
    """A multi-layer perceptron: linear layers with ReLU between them, and none after the last.

    It serves as encoder of vectors, and (one or two hidden layers, `batch_norm=True`) as the projection or prediction
    head of self-supervised methods.

    Parameters
    ----------
    in_features, out_features : widths of the input and of the output.
    hidden : widths of the hidden layers; empty for one linear layer.
    batch_norm : normalise each hidden layer over the batch, before its ReLU.

    Examples
    --------
    >>> import torch
    >>> MLP(784, 64, hidden=(256,))(torch.zeros(5, 784)).shape
    torch.Size([5, 64])
    """

    def __init__(
        self, in_features: int, out_features: int, hidden: Sequence[int] = (256,), *, batch_norm: bool = False
    ):
        super().__init__()
        _check_widths("MLP", in_features, *hidden, out_features)
        widths = (in_features, *hidden)
        layers: list[nn.Module] = []
        for width, following in pairwise(widths):
            # Batch norm subtracts the mean, so a bias before it would do nothing.
            layers.append(nn.Linear(width, following, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm1d(following))
            layers.append(nn.ReLU())
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], out_features))

    def forward(self, x: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*batch out_features"]:
        """Encode each vector."""
        return self.layers(x)


class ConvEncoder(nn.Module):
    """A small convolutional network: halving stages, then a pooled or flattened map and one linear layer.

    Each stage is a 3 x 3 convolution of stride 2, batch norm and ReLU, so an image of side s leaves stage i with side
    about s / 2**i. Strides rather than pooling keep it cheap enough for a CPU.

    Parameters
    ----------
    channels : of the input images.
    out_features : width of the representation.
    widths : channels of the stages.
    image_size : side of square images. Given, the last map is flattened, which keeps where things are; else it is
        averaged over positions, which forgets it and takes images of any size.

    Examples
    --------
    >>> import torch
    >>> images = torch.zeros(5, 1, 28, 28)
    >>> ConvEncoder(1, 64)(images).shape, ConvEncoder(1, 64, image_size=28)(images).shape
    (torch.Size([5, 64]), torch.Size([5, 64]))
    """

    def __init__(
        self, channels: int, out_features: int, widths: Sequence[int] = (32, 64), *, image_size: int | None = None
    ):
        super().__init__()
        _check_widths("ConvEncoder", channels, *widths, out_features)
        if not widths:
            raise InvalidInputError("ConvEncoder needs at least one stage in `widths`.")
        stages: list[nn.Module] = []
        for before, after in pairwise((channels, *widths)):
            stages += [
                nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.stages = nn.Sequential(*stages)
        if image_size is None:
            self.pool: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            features = widths[-1]
        else:
            _check_widths("ConvEncoder", image_size)
            self.pool = nn.Flatten()
            side = image_size
            for _ in widths:
                side = (side + 1) // 2
            features = widths[-1] * side**2
        self.linear = nn.Linear(features, out_features)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out_features"]:
        """Encode each image."""
        return self.linear(self.pool(self.stages(x)))


def _check_widths(name: str, *widths: int) -> None:
    if any(width < 1 for width in widths):
        raise InvalidInputError(f"{name} was given widths {widths}; each must be at least 1.")
