"""FERNN: recurrent networks whose hidden state moves along with the scene.

A sequence that moves at constant velocity is the same scene, seen from a moving point. An ordinary convolutional
recurrent network has to learn every speed anew. This one keeps a part of its hidden state for each of a set of
velocities and carries it along, so that motion only renumbers the parts; what is learned at one speed holds at others.

- `translation_velocities` and `rotation_velocities` give the sets (`Translations`, `Rotations`);
- `FERNNCell` is one step, of images or signals, with velocities apart or mixing;
- `FERNNSeq2Seq` predicts the frames to come, `FERNNClassifier` classifies sequences;
- `flow_transform` sets sequences in motion, `flow_equivariance_error` and `state_equivariance_error` measure how far
  a model is from following;
- `CyclicConv` is the convolution over positions and orientations that rotations need.

With the one velocity 0 all of them are the baseline G-RNN, with `transport="learned"` the baseline G-RNN+.

References
----------
Keller (2025), Flow Equivariant Recurrent Neural Networks, NeurIPS, arXiv:2507.14793; github.com/akandykeller/FERNN.
"""

from reprise.symmetry.flow_equivariant_rnn.cell import FERNNCell
from reprise.symmetry.flow_equivariant_rnn.classifier import FERNNClassifier
from reprise.symmetry.flow_equivariant_rnn.flow_error import (
    flow_equivariance_error,
    flow_transform,
    state_equivariance_error,
)
from reprise.symmetry.flow_equivariant_rnn.flows import (
    Rotations,
    Translations,
    rotation_velocities,
    translation_velocities,
)
from reprise.symmetry.flow_equivariant_rnn.orientations import CyclicConv
from reprise.symmetry.flow_equivariant_rnn.seq2seq import FERNNSeq2Seq

__all__ = [
    "CyclicConv",
    "FERNNCell",
    "FERNNClassifier",
    "FERNNSeq2Seq",
    "Rotations",
    "Translations",
    "flow_equivariance_error",
    "flow_transform",
    "rotation_velocities",
    "state_equivariance_error",
    "translation_velocities",
]
