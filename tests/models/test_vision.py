import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn

from reprise.errors import InvalidInputError, MissingPackageError
from reprise.models import vision

needs_model = pytest.mark.skipif(not vision.is_installed(), reason=f"EfficientNet-Lite0 is not here: {vision.COMMAND}")


@needs_model
def test_photographs_of_one_kind_are_alike():
    """A flower and its mirror image are closer than the flower and a temple, which the last layer knows."""
    flower, temple = (load_sample_image(name)[:400, :400] for name in ("flower.jpg", "china.jpg"))
    backbone = vision.load_backbone()
    features = vision.image_features(np.stack([flower, flower[:, ::-1], temple]), backbone)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert features.shape == (3, 1280)
    assert unit[0] @ unit[1] > 0.8 > unit[0] @ unit[2]
    daisy, palace = 985, 698
    assert backbone.network._fc(torch.from_numpy(features)).argmax(1).tolist() == [daisy, daisy, palace]


@needs_model
def test_batches_do_not_matter_and_training_mode_is_off():
    backbone = vision.load_backbone(side=32)
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    whole = vision.image_features(images, backbone)
    assert not backbone.training
    np.testing.assert_allclose(vision.image_features(images, backbone, batch_size=2), whole, rtol=1e-4, atol=1e-5)


def test_without_the_package_the_command_is_given(monkeypatch):
    monkeypatch.setattr(vision, "is_installed", lambda: False)
    with pytest.raises(MissingPackageError, match="efficientnet-lite-pytorch"):
        vision.load_backbone()


@pytest.mark.parametrize(
    "images", [np.zeros((2, 8, 8, 3)), np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 3, 8, 8), np.uint8)]
)
def test_other_images_are_refused(images):
    with pytest.raises(InvalidInputError, match="uint8"):
        vision.image_features(images, nn.Flatten())


def test_other_settings_are_refused():
    with pytest.raises(InvalidInputError, match="multiple of 32"):
        vision.load_backbone(side=100)
    with pytest.raises(InvalidInputError, match="only packaged"):
        vision.load_backbone("resnet")
    with pytest.raises(InvalidInputError, match="batch_size"):
        vision.image_features(np.zeros((1, 8, 8, 3), np.uint8), nn.Flatten(), batch_size=0)
