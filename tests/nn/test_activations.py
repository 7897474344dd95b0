from collections import namedtuple

import pytest
import torch
from torch import nn

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.nn.activations import capture, collect, edit

Pair = namedtuple("Pair", "hidden weights")


class Returning(nn.Module):
    """Gives its input in the form that `wrap` makes, called by keyword."""

    def __init__(self, wrap):
        super().__init__()
        self.wrap = wrap
        self.inner = nn.Identity()

    def forward(self, mask=None, hidden_states=None):
        return self.wrap(self.inner(hidden_states))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2))


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_captured_tensors_are_those_computed_by_hand(network):
    network.eval()
    x = torch.randn(4, 3)
    with capture({"out": network[0], "relu": network[1]}) as seen, capture({"in": network[3]}, site="input") as read:
        network(x)
    hidden = x @ network[0].weight.T + network[0].bias
    torch.testing.assert_close(seen["out"], hidden)
    torch.testing.assert_close(seen["relu"], hidden.relu())
    torch.testing.assert_close(read["in"], hidden.relu())


def test_keep_is_applied_at_once(network):
    with capture({0: network[0]}, keep=lambda h: h[:, :2].clone()) as seen:
        network(torch.ones(4, 3))
    assert seen[0].shape == (4, 2)
    assert seen[0].untyped_storage().nbytes() == 4 * 2 * 4


@pytest.mark.parametrize(
    ("wrap", "first"),
    [
        (lambda x: x, lambda out: out),
        (lambda x: (x, "weights"), lambda out: out[0]),
        (lambda x: ["name", x], lambda out: out[1]),
        (lambda x: Pair(x, None), lambda out: out.hidden),
        (lambda x: {"loss": None, "hidden": x}, lambda out: out["hidden"]),
    ],
    ids=["tensor", "tuple", "list", "namedtuple", "mapping"],
)
def test_every_form_of_output_is_edited_and_keeps_its_form(wrap, first):
    module = Returning(wrap)
    x = torch.ones(2)
    plain = module(hidden_states=x)
    with edit(module, lambda h: h + 1):
        edited = module(hidden_states=x)
    assert type(edited) is type(plain)
    assert first(edited).tolist() == [2, 2]
    with edit(module, lambda h: h + 2, site="input"):
        assert first(module(mask=torch.zeros(2), hidden_states=x)).tolist() == [3, 3]
        assert first(module(torch.zeros(2), x)).tolist() == [1, 1], "the first positional tensor counts"


def test_a_function_that_gives_nothing_leaves_the_tensor(network):
    network.eval()
    x = torch.ones(1, 3)
    expected = network(x)
    with edit(network[0], lambda h: None):
        assert torch.equal(network(x), expected)


def test_hooks_are_gone_also_after_an_exception(network):
    with pytest.raises(ZeroDivisionError), capture({0: network[0]}), edit(network[1], torch.zeros_like):
        raise ZeroDivisionError
    assert hooks(network) == 0


def test_collecting_batches_equals_one_pass(network):
    x = torch.randn(10, 3)
    network.train()
    found = collect(network, x.split(4), ["1", "3"])
    network.eval()
    with capture({"1": network[1], "3": network[3]}) as seen, torch.no_grad():
        network(x)
    for name in ("1", "3"):
        torch.testing.assert_close(found[name], seen[name])
        assert not found[name].requires_grad


def test_collecting_gives_the_model_back_as_it_was(network):
    network.train()
    collect(network, [torch.ones(2, 3)], ["0"])
    assert network.training
    assert hooks(network) == 0
    network.eval()
    collect(network, [torch.ones(2, 3)], {"own name": network[0]})
    assert not network.training


def test_batches_may_be_tensors_tuples_or_mappings():
    module = Returning(lambda x: x)
    for batch in ((None, torch.ones(3)), {"hidden_states": torch.ones(3)}):
        assert collect(module, [batch, batch], ["inner"])["inner"].shape == (6,)


def test_errors(network):
    with pytest.raises(UnknownNameError, match="no module '9'"):
        collect(network, [torch.ones(1, 3)], ["9"])
    with pytest.raises(InvalidInputError, match="no batches"):
        collect(network, [], ["0"])
    with pytest.raises(InvalidInputError, match="single string"):
        collect(network, [torch.ones(1, 3)], "0")
    with pytest.raises(InvalidInputError, match="does not run"):
        collect(network, [torch.ones(1, 3)], {"other": nn.Linear(1, 1)})
    with pytest.raises(InvalidInputError, match="`site`"), edit(network[0], torch.zeros_like, site="weights"):
        pass
    with pytest.raises(InvalidInputError, match="no tensor"), capture({0: (module := Returning(lambda x: "text"))}):
        module(hidden_states=torch.ones(1))
