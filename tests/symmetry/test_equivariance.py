import pytest
import torch
from torch import nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import propagate
from reprise.symmetry.equivariance import (
    EuclideanGroup,
    PermutationGroup,
    assert_equivariant,
    equivariance_error,
    group_named,
)

X = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
EXACT = 1e-12


def error(model, inputs, group, kinds, output, **settings):
    return equivariance_error(model, inputs, group, input_kinds=kinds, output_kind=output, **settings)


@pytest.mark.parametrize("group", ["O3", "SO3", "E3", "SE(3)"])
def test_vector_algebra_transforms_as_it_should(group):
    centred = X - X.mean(1, keepdim=True)
    pair = ("vector", "vector")
    assert error(lambda x: x.mean(1), X, group, "position", "position").maximal < EXACT
    assert error(lambda x: x - x.mean(1, keepdim=True), X, group, "position", "vector").maximal < EXACT
    assert error(lambda x, y: (x * y).sum(-1), (X, Y), group, pair, "scalar").maximal < EXACT
    assert error(lambda x: x.mT @ x, centred, group, "vector", "matrix").maximal < EXACT
    assert error(lambda x, y: torch.linalg.cross(x, y), (X, Y), group, pair, "pseudovector").maximal < EXACT


def test_reflections_tell_vectors_from_pseudovectors():
    cross = torch.linalg.cross
    pair = ("vector", "vector")
    assert error(cross, (X, Y), "SO3", pair, "vector").maximal < EXACT
    assert error(cross, (X, Y), "O3", pair, "vector").maximal > 1
    handedness = lambda x: torch.linalg.det(x[:, :3] - x[:, 3:])  # noqa: E731
    assert error(handedness, X, "SE3", "position", "scalar").maximal < EXACT
    assert error(handedness, X, "E3", "position", "scalar").maximal > 1


def test_translations_move_positions_only():
    assert error(torch.clone, X, "SE3", "position", "position").maximal < EXACT
    assert error(torch.clone, X, "SE3", "position", "vector").maximal > 0.1
    assert error(torch.clone, X, "SO3", "position", "vector").maximal < EXACT


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_groups_act_in_any_dimension(dim):
    x = torch.randn(5, dim)
    distances = lambda x: torch.cdist(x, x)  # noqa: E731
    assert error(distances, x, f"E{dim}", "position", "scalar", dtype=torch.float64).maximal < 1e-6


def test_error_is_the_size_of_the_fault():
    shifted = lambda x: x + 0.01 * torch.ones(3, dtype=x.dtype)  # noqa: E731
    found = error(shifted, X, "SO3", "vector", "vector", n=200)
    assert 0.005 < found.mean < 0.02
    assert found.mean <= found.maximal
    assert found.absolute <= 0.01 * (1 + 3**0.5)
    assert found.scale == pytest.approx(float(shifted(X).square().mean().sqrt()))
    assert found.draws == 200
    assert "200 elements" in str(found)


def test_several_outputs_are_judged_together():
    both = lambda x: (x.mean(1), x.norm(dim=-1))  # noqa: E731
    assert error(both, X, "O3", "vector", ("vector", "scalar")).maximal < EXACT
    assert error(both, X, "O3", "vector", ("scalar", "scalar")).maximal > 0.1


def test_permutations_act_on_sets_labels_and_graphs():
    adjacency = (torch.rand(2, 6, 6, dtype=torch.float64) < 0.5).double()
    labels = torch.arange(12).reshape(2, 6)
    edges = torch.randn(2, 6, 6, 4, dtype=torch.float64)
    assert error(lambda x: x.sum(1), X, "S", "set", "scalar").maximal < EXACT
    assert error(lambda x: x.cumsum(1), X, "S", "set", "set").maximal > 0.1
    assert error(lambda a, x: a @ x, (adjacency, X), "S", ("adjacency", "set"), "set").maximal < EXACT
    assert error(lambda e: e.sum(2), edges, "S", "edges", "set").maximal < EXACT
    assert error(lambda e: e.mean(-1), edges, "S", "edges", "adjacency").maximal < EXACT
    assert error(lambda x, k: x * k[..., None], (X, labels), "S", ("set", "labels"), "set").maximal < EXACT


def test_permutations_renumber_edges():
    edges = torch.tensor([[0, 1, 2, 4, 5], [1, 2, 0, 3, 0]])
    assert error(propagate, (X[0], edges), "S", ("set", "edge_index"), "set").maximal < EXACT
    wrong = lambda x, e: propagate(x, e.flip(1)[:, :2])  # noqa: E731
    assert error(wrong, (X[0], edges), "S", ("set", "edge_index"), "set").maximal < EXACT  # order of edges is kept
    assert error(lambda x, e: propagate(x, e % 5), (X[0], edges), "S", ("set", "edge_index"), "set").maximal > 0.1


class Shifts:
    """Another group: cyclic shifts of a sequence's time axis."""

    def draw(self, inputs, kinds, generator):
        return int(torch.randint(1, inputs[0].shape[1], (), generator=generator))

    def act(self, element, value, kind):
        return value.roll(element, 1) if kind == "sequence" else value


def test_any_group_and_any_representation_can_be_given():
    smooth = lambda x: x + x.roll(1, 1)  # noqa: E731
    assert error(smooth, X, Shifts(), "sequence", "sequence").maximal < EXACT
    assert error(lambda x: x.sum(1), X, Shifts(), "sequence", "scalar").maximal < EXACT
    assert error(lambda x: x.cumsum(1), X, Shifts(), "sequence", "sequence").maximal > 0.1
    doubled = lambda element, value: value @ element[0].mT @ element[0].mT  # noqa: E731
    assert error(lambda x: x * x.norm(), X, "SO3", doubled, doubled).maximal < EXACT


def test_module_keeps_its_mode_dtype_and_gradients():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(6))
    model[2].eval()
    first = error(model, X.float(), "O3", "vector", "vector", dtype=torch.float64)
    assert first == error(model, X.float(), "O3", "vector", "vector", dtype=torch.float64)
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert model[0].weight.dtype == torch.float32
    assert model[0].weight.grad is None


def test_result_depends_on_the_seed_alone():
    model = lambda x: x.exp()  # noqa: E731
    assert error(model, X, "E3", "position", "position", seed=1) == error(
        model, X, "E3", "position", "position", seed=1
    )
    assert error(model, X, "E3", "position", "position", seed=1) != error(
        model, X, "E3", "position", "position", seed=2
    )


def test_keywords_reach_the_model():
    assert error(lambda x, power: x.norm(dim=-1) ** power, X, "O3", "vector", "scalar", power=3).maximal < EXACT


def test_assertion_passes_and_fails_with_figures():
    assert_equivariant(lambda x: x * x.norm(dim=-1, keepdim=True), X, "O3", input_kinds="vector", output_kind="vector")
    with pytest.raises(AssertionError, match=r"Not equivariant to O3 in torch.float32: relative error .* at most"):
        assert_equivariant(torch.tanh, X, "O3", input_kinds="vector", output_kind="vector")


def test_assertion_in_float64_finds_what_float32_cannot():
    slightly = lambda x: x + 1e-7 * x**2  # noqa: E731
    settings = {"input_kinds": "vector", "output_kind": "vector"}
    assert_equivariant(slightly, X, "O3", dtypes=[torch.float32], **settings)
    with pytest.raises(AssertionError, match="float64"):
        assert_equivariant(slightly, X, "O3", **settings)


def test_a_model_that_says_nothing_is_no_proof():
    with pytest.raises(AssertionError, match="All outputs are zero"):
        assert_equivariant(torch.zeros_like, X, "O3", input_kinds="vector", output_kind="vector")


def test_names_of_groups():
    assert group_named("SO(2)") == EuclideanGroup(2, reflections=False, translations=False)
    assert group_named("E3") == EuclideanGroup(3)
    assert group_named("S") == PermutationGroup()
    for name in ("U2", "SO", "SO0", "E-3", "so3"):
        with pytest.raises(InvalidInputError, match="There is no group"):
            group_named(name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "at least 1"),
        ({"input_kinds": ("vector", "vector")}, "1 input tensors but 2 input kinds"),
        ({"output_kind": ("vector", "vector")}, "1 output tensors but 2 output kinds"),
        ({"output_kind": "spinor"}, "does not act on 'spinor'"),
        ({"group": "O2"}, r"has shape \(..., 2\)"),
        ({"group": "S", "input_kinds": "scalar"}, "must be a set, labels, adjacency or edges"),
        ({"group": "S", "input_kinds": "set", "output_kind": "position"}, "does not act on 'position'"),
        ({"model": lambda x: x / 0}, "not finite"),
    ],
)
def test_impossible_requests_are_refused(settings, message):
    request = {"model": torch.clone, "inputs": X, "group": "O3", "input_kinds": "vector", "output_kind": "vector"}
    with pytest.raises(InvalidInputError, match=message):
        equivariance_error(**(request | settings))
