"""FERNN beside its peer, the authors' loop over velocities, and beside the network without velocities.

Run with ``pytest benchmarks/bench_flow_equivariant_rnn.py -s``; prints ratios of processor time (the quickest of
several rounds, taken in turn), asserts no times. The peer is a restatement of the authors' code with the same weights
(github.com/akandykeller/FERNN is not a package); for rotations escnn 1.0.11, left out where it is not installed.
"""

import pytest
import torch
from torch import nn

from racing import race
from reprise.claims.symmetry._flow_equivariant_rnn.looped import LoopedSeq2Seq
from reprise.symmetry.flow_equivariant_rnn import CyclicConv, FERNNSeq2Seq, translation_velocities

ROUNDS, WARM_UP = 5, 1
LOOP, GRNN = "loop over 25 velocities", "G-RNN, one velocity"


def report(title, best, peer):
    print(f"\n{title}")
    for name, milliseconds in best.items():
        print(f"  {name:34s} {milliseconds:9.2f} ms   {best[peer] / milliseconds:5.2f} times as fast as {peer}")


def networks(hidden):
    torch.manual_seed(0)
    loop = LoopedSeq2Seq(1, hidden, 2, decoder_layers=2)
    grid = translation_velocities(2)
    models = {
        LOOP: loop,
        "FERNN, official decoding": FERNNSeq2Seq(1, hidden, grid, 2, decode="official"),
        "FERNN": FERNNSeq2Seq(1, hidden, grid, 2),
        GRNN: FERNNSeq2Seq(1, hidden, translation_velocities(0), 2),
    }
    for model in models.values():
        model.load_state_dict(loop.state_dict())
    return models


@pytest.mark.parametrize(("size", "hidden", "batch"), [(16, 24, 16), (28, 32, 4)])
@pytest.mark.parametrize("training", [True, False], ids=["training step", "forecast"])
def test_network_beside_the_loop(training, size, hidden, batch):
    frames = torch.rand(batch, 8, 1, size, size)

    def work(model):
        def step():
            model.zero_grad()
            nn.functional.mse_loss(model(frames[:, :4], 4), frames[:, 4:]).backward()

        def forecast():
            with torch.no_grad():
                model(frames[:, :4], 4)

        return step if training else forecast

    best = race({name: work(model) for name, model in networks(hidden).items()}, rounds=ROUNDS, warm_up=WARM_UP)
    report(f"{'training step' if training else 'forecast'}, {size} x {size}, {hidden} features", best, LOOP)


def test_one_step_beside_the_loop():
    models = networks(24)
    frame, state = torch.rand(16, 1, 16, 16), torch.rand(16, 25, 24, 16, 16)
    last = state.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)  # as our own states are in memory

    def work(model, state):
        def step():
            with torch.no_grad():
                model.cell(frame, state)

        return step

    works = {LOOP: work(models[LOOP], state), "FERNN": work(models["FERNN"], last)}
    report("one step, 16 x 16, 24 features", race(works, rounds=ROUNDS, warm_up=WARM_UP), LOOP)


def test_convolution_over_orientations_beside_escnn():
    escnn_nn = pytest.importorskip("escnn.nn")
    from escnn import gspaces

    space = gspaces.rot2dOnR2(N=8)
    regular = escnn_nn.FieldType(space, 4 * [space.regular_repr])
    peer = escnn_nn.R2Conv(regular, regular, kernel_size=3, padding=1, bias=False)
    ours = CyclicConv(4, 4, 8, source="regular", target="regular")
    x = torch.rand(16, 32, 16, 16)
    works = {"escnn": lambda: peer(escnn_nn.GeometricTensor(x, regular)).tensor.sum().backward(),
             "CyclicConv": lambda: ours(x).sum().backward()}  # fmt: skip
    report(
        "convolution over 8 orientations, forward and backward", race(works, rounds=ROUNDS, warm_up=WARM_UP), "escnn"
    )
