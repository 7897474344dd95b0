import pytest
import torch

from reprise.errors import InvalidInputError
from reprise.nn.encoders import MLP, ConvEncoder


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_mlp_without_hidden_layers_is_linear():
    torch.manual_seed(0)
    mlp = MLP(4, 3, hidden=())
    x, y = torch.randn(2, 5, 4)
    shift = mlp(torch.zeros(5, 4))
    torch.testing.assert_close(mlp(x + 2 * y) - shift, mlp(x) - shift + 2 * (mlp(y) - shift))
    assert parameters(mlp) == 4 * 3 + 3


def test_mlp_hidden_units_and_leading_axes():
    mlp = MLP(4, 3, hidden=(8, 6))
    assert parameters(mlp) == 4 * 8 + 8 + 8 * 6 + 6 + 6 * 3 + 3
    x = torch.randn(2, 5, 4)
    torch.testing.assert_close(mlp(x)[1, 3], mlp(x[1, 3]))


def test_mlp_batch_norm_removes_the_scale_of_the_input():
    mlp = MLP(4, 3, hidden=(8,), batch_norm=True)
    x = torch.randn(64, 4)
    torch.testing.assert_close(mlp(x), mlp(100 * x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [28, 32, 9])
def test_flattened_map_matches_the_stated_size(size):
    assert ConvEncoder(3, 7, widths=(4, 5, 6), image_size=size)(torch.randn(2, 3, size, size)).shape == (2, 7)


def test_pooled_encoder_takes_any_size_and_forgets_whole_shifts():
    torch.manual_seed(0)
    encoder = ConvEncoder(1, 7, widths=(4, 5)).eval()
    image = torch.zeros(1, 1, 40, 48)
    image[..., 12:20, 12:20] = torch.rand(8, 8)
    # Four pixels are one cell of the last map, so away from the border the pooled map does not change.
    torch.testing.assert_close(encoder(image), encoder(image.roll((4, 8), dims=(-2, -1))))


def test_encoders_survive_a_state_dict_round_trip():
    for make in (lambda: MLP(4, 3, batch_norm=True), lambda: ConvEncoder(1, 3, image_size=8)):
        one, other = make(), make()
        other.load_state_dict(one.state_dict())
        x = torch.randn(6, 4) if isinstance(one, MLP) else torch.randn(6, 1, 8, 8)
        torch.testing.assert_close(one.eval()(x), other.eval()(x))


@pytest.mark.parametrize(
    "make", [lambda: MLP(0, 3), lambda: MLP(4, 3, hidden=(0,)), lambda: ConvEncoder(1, 3, widths=())]
)
def test_impossible_widths_are_refused(make):
    with pytest.raises(InvalidInputError):
        make()
