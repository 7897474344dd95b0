import warnings

import numpy as np
import pytest
import torch
from captum.attr import DeepLiftShap
from torch import nn
from torch.nn import functional

from reprise.errors import InvalidInputError
from reprise.nn.explain import METHODS, deep_shap, grad_cam


def seeded(*layers):
    torch.manual_seed(0)
    model = nn.Sequential(*layers).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def images(n, seed=0, side=8, channels=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, channels, side, side)))


def convolutional():
    return seeded(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(0.5),
        nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 5), nn.ReLU(),
        nn.Linear(5, 3),
    )  # fmt: skip


def one_pair(model, x, b, target):
    """DeepLIFT of one input and one reference the slow way: the pair stacked, hooks on its own modules."""
    states = {}
    handles = [
        module.register_forward_hook(lambda m, i, o: states.__setitem__(m, (i[0].detach().clone(), o.detach())))
        for module in model
    ]
    model(torch.stack([x, b]))
    for handle in handles:
        handle.remove()
    cotangent = functional.one_hot(torch.tensor([target]), 3).double()
    for module in reversed(model):
        (inside, inside_b), (outside, outside_b) = states[module]
        if isinstance(module, nn.ReLU):
            cotangent = cotangent * ((outside - outside_b) / (inside - inside_b))
        elif isinstance(module, nn.MaxPool2d):
            cotangent = pooled_slowly(module, inside, inside_b, outside, outside_b, cotangent[0])[None]
        else:
            leaf = inside[None].requires_grad_()
            (cotangent,) = torch.autograd.grad(module(leaf), leaf, cotangent)
    return (cotangent[0] * (x - b)).detach()


def pooled_slowly(module, inside, inside_b, outside, outside_b, cotangent):
    result = torch.zeros_like(inside)
    width = module.kernel_size
    for c, i, j in np.ndindex(*outside.shape):
        window = (c, slice(i * width, (i + 1) * width), slice(j * width, (j + 1) * width))
        top = max(outside[c, i, j], outside_b[c, i, j])
        for values, share in ((inside, top - outside_b[c, i, j]), (inside_b, outside[c, i, j] - top)):
            p, q = divmod(int(values[window].argmax()), width)
            at = (c, i * width + p, j * width + q)
            if share != 0:
                result[at] += cotangent[c, i, j] * share / (inside[at] - inside_b[at])
    return result


def test_agrees_with_one_pair_at_a_time():
    model = seeded(
        nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(3, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)
    )
    x, b = images(3), images(4, seed=1)
    found = deep_shap(model, x, b, target=2)
    slow = torch.stack([torch.stack([one_pair(model, one, other, 2) for other in b]).mean(0) for one in x])
    np.testing.assert_allclose(found.maps, slow.numpy(), atol=1e-12)


@pytest.mark.filterwarnings("ignore:Setting forward")
def test_agrees_with_captum_where_its_hooks_do_not_meet():
    # Captum loses the rule of a nonlinear module that directly follows another, so here none does.
    model = seeded(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1), nn.Sigmoid(), nn.Flatten(), nn.Linear(64, 8), nn.ELU(), nn.Linear(8, 3),
    )  # fmt: skip
    x, b = images(5), images(4, seed=1)
    ours = deep_shap(model, x, b, target=1).maps
    peer = DeepLiftShap(model).attribute(x, b, target=1).detach().numpy()
    np.testing.assert_allclose(ours, peer, atol=1e-12)
    assert np.abs(ours).max() > 1e-3


@pytest.mark.parametrize("target", [0, "pred", "all"])
def test_contributions_add_up_to_the_difference_of_scores(target):
    model, x, b = convolutional(), images(7), images(5, seed=1)
    found = deep_shap(model, x, b, target=target)
    with torch.no_grad():
        owed = (model(x) - model(b).mean(0)).numpy()
    maps = found.maps if target == "all" else found.maps[:, None]
    owed = owed if target == "all" else np.take_along_axis(owed, found.classes[:, None], 1)
    np.testing.assert_allclose(maps.reshape(*owed.shape, -1).sum(-1), owed, atol=1e-12)
    assert found.completeness_error.max() < 1e-12


def test_single_precision_is_complete_to_its_rounding():
    model = convolutional().float()
    found = deep_shap(model, images(7).float(), images(5, seed=1).float())
    assert found.maps.dtype == np.float32
    assert found.completeness_error.max() < 1e-4 * np.abs(found.scores).max()


class Reused(nn.Module):
    """One activation for all, functions without modules, in-place calls, a sum around, overlapping windows."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.activation, self.head = nn.ReLU(inplace=True), nn.Linear(4, 2)

    def forward(self, x):
        h = self.activation(self.first(x))
        h = functional.max_pool2d(h, 3, stride=2, padding=1)
        h = h + torch.tanh(self.second(self.activation(h + 0.1)))
        h = self.second(h)
        h.relu_()
        h = functional.adaptive_max_pool2d(h, 3)
        h = torch.cat([h[:, :2], 2 * functional.gelu(h[:, 2:])], dim=1) / 3
        return self.head(h.mean((2, 3)).clamp(max=0.8))


def test_functions_in_place_reused_and_overlapping_are_seen():
    model = seeded(Reused())
    found = deep_shap(model, images(6), images(4, seed=1))
    assert found.completeness_error.max() < 1e-12
    assert np.abs(found.maps).max() > 1e-4


@pytest.mark.parametrize(
    "layer",
    [nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.SELU(), nn.CELU(), nn.GELU(), nn.SiLU(), nn.Mish(),
     nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Softsign(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(),
     nn.LogSigmoid(), nn.Threshold(0.1, 0), nn.Hardshrink(), nn.Softshrink(), nn.Tanhshrink()],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_every_elementwise_layer_is_complete(layer):
    model = seeded(nn.Flatten(), nn.Linear(64, 6), layer, nn.Linear(6, 2))
    assert deep_shap(model, images(4), images(3, seed=1)).completeness_error.max() < 1e-12


def test_pools_of_one_and_three_dimensions_are_complete():
    rng = np.random.default_rng(0)
    line = seeded(nn.Conv1d(2, 3, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(12, 2))
    block = seeded(nn.Conv3d(1, 2, 3, padding=1), nn.MaxPool3d(2), nn.Flatten(), nn.Linear(16, 2))
    for model, shape in ((line, (2, 10)), (block, (1, 4, 4, 4))):
        x, b = rng.normal(size=(3, *shape)), rng.normal(size=(2, *shape))
        assert deep_shap(model, x, b).completeness_error.max() < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_of_a_linear_model_every_method_gives_weight_times_difference(method):
    model = seeded(nn.Flatten(), nn.Linear(64, 3))
    x, b = images(5), images(4, seed=1)
    found = deep_shap(model, x, b, target=1, method=method)
    exact = model[1].weight[1].detach().view(1, 8, 8) * (x - b.mean(0))
    np.testing.assert_allclose(found.maps, exact.numpy(), atol=1e-12)


def test_averages_after_multiplying_and_not_before():
    model, x, b = convolutional(), images(3), images(6, seed=1)
    each = np.mean([deep_shap(model, x, b[j : j + 1], target=0).maps for j in range(6)], axis=0)
    np.testing.assert_allclose(deep_shap(model, x, b, target=0).maps, each, atol=1e-12)
    towards_mean = deep_shap(model, x, b.mean(0, keepdim=True), target=0)
    assert np.abs(towards_mean.maps - each).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_equal_to_the_background_is_zero_and_so_is_a_pixel_nothing_reads(method):
    model = convolutional()
    x = images(2)
    assert np.abs(deep_shap(model, x[:1], x[:1], method=method).maps).max() == 0
    with torch.no_grad():
        blind = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 2)).double().eval()
        blind[1].weight[:, 10] = 0
    found = deep_shap(blind, x, images(3, seed=1), method=method)
    assert (found.maps.reshape(2, 64)[:, 10] == 0).all()
    assert np.abs(found.maps).max() > 0


def test_path_methods_come_close_to_complete():
    model, x, b = convolutional(), images(4), images(300, seed=1)
    fine = deep_shap(model, x, b, max_background=5, method="integrated-gradients", steps=200)
    assert fine.completeness_error.max() < 0.01 * np.abs(fine.scores - fine.expected).max()
    many, few = (deep_shap(model, x, b, max_background=m, method="expected-gradients") for m in (300, 10))
    assert many.completeness_error.mean() < few.completeness_error.mean()


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_order_change_nothing_but_rounding(method):
    model, x, b = convolutional(), images(7), images(5, seed=1)
    whole = deep_shap(model, x, b, method=method)
    parts = deep_shap(model, x, b, method=method, batch_size=2)
    np.testing.assert_allclose(whole.maps, parts.maps, atol=1e-12)
    if method == "deeplift":
        np.testing.assert_allclose(deep_shap(model, x.flip(0), b).maps[::-1], whole.maps, atol=1e-12)


def test_a_large_background_is_drawn_in_equal_shares_of_predicted_classes():
    model = seeded(nn.Flatten(), nn.Linear(64, 2))
    b = images(200, seed=1)
    scores = model(b)[:, 0] - model(b)[:, 1]
    b = torch.cat([b[scores > 0][:60], b[scores < 0][:6]])
    chosen = deep_shap(model, images(2), b, max_background=10, random_state=3).background
    assert np.bincount(chosen >= 60).tolist() == [5, 5]
    scarce = deep_shap(model, images(2), b, max_background=30).background
    assert np.bincount(scarce >= 60).tolist() == [24, 6]
    assert len(np.unique(scarce)) == 30


def test_model_is_left_as_it_was():
    model = convolutional().train()
    model[3].eval()
    modes = [part.training for part in model.modules()]
    model[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.warns(UserWarning, match="training mode"):
        deep_shap(model, images(3), images(2, seed=1))
    assert [part.training for part in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == [False] + [True] * (len(list(model.parameters())) - 1)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


class Named(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), inner, nn.Linear(4, 2))

    def forward(self, x):
        return self.body(x)


class Squared(nn.Module):
    def forward(self, x):
        return x * x


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.LayerNorm(4), r"no multiplier for 'layer_norm' in layer 'body.2 \(LayerNorm\)'"),
        (nn.Softmax(-1), "Explain scores before their softmax"),
        (Squared(), r"'mul' in layer 'body.2 \(Squared\)'.*expected-gradients"),
        (nn.BatchNorm1d(4, track_running_stats=False), "'batch_norm'"),
    ],
)
def test_layer_without_a_rule_is_named_and_paths_take_it(layer, message):
    model = Named(layer).double().eval()
    with pytest.raises(InvalidInputError, match=message):
        deep_shap(model, images(3), images(2, seed=1))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert np.isfinite(deep_shap(model, images(3), images(2, seed=1), method="expected-gradients").maps).all()


class ByHand(nn.Module):
    def forward(self, x):
        return x * (x > 0)


def test_what_is_out_of_sight_is_said():
    model = Named(ByHand()).double().eval()
    with pytest.warns(UserWarning, match="out of its sight"):
        deep_shap(model, images(8), images(4, seed=1))


class Odd(nn.Module):
    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, x):
        return self.give(x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"background": np.empty((0, 1, 8, 8))}, "Background samples .* not be empty"),
        ({"background": images(2, side=7)}, "differ in shape"),
        ({"inputs": np.full((2, 1, 8, 8), np.nan)}, "Inputs hold NaN"),
        ({"inputs": np.zeros(8)}, r"shape \(n, ...\)"),
        ({"inputs": np.zeros((2, 1, 8, 8), complex)}, "real numbers"),
        ({"target": 3}, "class from 0 to 2"),
        ({"target": "best"}, "'pred', 'all'"),
        ({"method": "lime"}, "method is one of deeplift"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_background": 0}, "max_background"),
        ({"steps": 0}, "steps"),
        ({"model": Odd(lambda x: x.sum((1, 2, 3)))}, r"give scores \(n, C\)"),
        ({"model": Odd(lambda x: [x])}, "got list"),
        ({"model": Odd(lambda x: x.flatten(1) / 0)}, "scores hold NaN"),
    ],
)
def test_bad_input_is_named(arguments, message):
    model = arguments.get("model", convolutional()).eval()
    with pytest.raises(InvalidInputError, match=message):
        deep_shap(**{"inputs": images(2), "background": images(2, seed=1)} | arguments | {"model": model})


def test_samples_must_stand_first():
    model = Odd(lambda x: torch.relu(x.flatten(1).T).T[:, :3]).double().eval()
    with pytest.raises(InvalidInputError, match="samples in the first dimension"):
        deep_shap(model, images(3), images(2, seed=1))


def test_constant_scores_have_no_reasons():
    model = Odd(lambda x: torch.ones(len(x), 2, dtype=x.dtype)).eval()
    for method in METHODS:
        assert (deep_shap(model, images(3), images(2, seed=1), method=method).maps == 0).all()


def test_silent_when_asked_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deep_shap(convolutional(), images(3), images(2, seed=1))


def test_grad_cam_is_the_weighted_sum_of_maps():
    model, x = convolutional(), images(3)
    layer = model[5]
    kept = []
    handle = layer.register_forward_hook(lambda _, i, o: kept.append(o))
    scores = model(x)
    handle.remove()
    (gradient,) = torch.autograd.grad(scores[:, 1].sum(), kept[0])
    coarse = torch.einsum("nc,nchw->nhw", gradient.mean((2, 3)), kept[0]).relu()[:, None]
    expected = functional.interpolate(coarse, (8, 8), mode="bilinear")[:, 0].detach().numpy()
    np.testing.assert_allclose(grad_cam(model, x, layer, target=1, batch_size=2), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": nn.Conv2d(1, 1, 1)}, "no part of the model"),
        ({"layer": 9}, "expected to give maps"),
        ({"target": "all"}, "one class"),
        ({"images": np.zeros((2, 8, 8))}, r"\(n, channels, H, W\)"),
    ],
)
def test_grad_cam_refuses(arguments, message):
    model = convolutional()
    layer = arguments.pop("layer", 0)
    layer = model[layer] if isinstance(layer, int) else layer
    with pytest.raises(InvalidInputError, match=message):
        grad_cam(**{"model": model, "images": images(2), "layer": layer} | arguments)
