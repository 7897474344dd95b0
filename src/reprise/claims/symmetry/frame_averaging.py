"""Claims of Frame Averaging (Puny et al., 2022): particles' motion, and telling graphs apart."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.symmetry._frame_averaging.particles import CHANGE, MSE, RATIO, measure_particles, simulate
from reprise.claims.symmetry._frame_averaging.separation import (
    DISTANCE,
    FALSE,
    INDISTINGUISHABLE,
    UNSEPARATED,
    WEISFEILER_LEMAN,
    confused_by_refinement,
    exact_forms,
    measure_graphs,
)
from reprise.claims.symmetry._frame_averaging.sizes import SIZES
from reprise.data.graph8c import GRAPH8C, atlas_graphs, graph8c

CLAIMS = (
    Claim(
        id="frames-help",
        of="paper",
        kind="superior",
        says="FA-GNN predicts the n-body motion with a lower error than the same network without frames",
        metric=MSE,
        better="lower",
        ours="FA-GNN",
        against=("GNN",),
    ),
    Claim(
        id="beats-egnn",
        of="paper",
        kind="superior",
        says="FA-GNN predicts the n-body motion with a lower error than EGNN",
        metric=MSE,
        better="lower",
        ours="FA-GNN",
        against=("EGNN",),
        note="The paper trains for 10 000 epochs on 3 000 systems (300 000 steps); desktop scale for 100 on 1 000 "
        "(1 000 steps), where EGNN learns faster.",
    ),
    Claim(
        id="thirty-percent",
        of="here",
        kind="superior",
        says="at equal epochs, frames lower the error of the network without them by at least 30 %",
        metric=MSE,
        better="lower",
        ours="FA-GNN",
        against=("GNN",),
        margin=0.3,
        relative=True,
    ),
    Claim(
        id="beats-augmentation",
        of="here",
        kind="superior",
        says="at equal epochs, frames lower the error by at least 20 % against rotating the training data at random",
        metric=MSE,
        better="lower",
        ours="FA-GNN",
        against=("GNN + rotations",),
        margin=0.2,
        relative=True,
    ),
    Claim(
        id="rotation-exact",
        of="paper",
        kind="identity",
        says="rotating and reflecting the test systems changes FA-GNN's error by less than one part in ten thousand",
        metric=CHANGE,
        ours="FA-GNN",
        tolerance=1e-4,
    ),
    Claim(
        id="plain-breaks",
        of="here",
        kind="interval",
        says="trained on systems of one plane, the network without frames errs at least twice as much on other planes",
        metric=RATIO,
        ours="GNN",
        low=2.0,
    ),
    Claim(
        id="gin-blind",
        of="paper",
        kind="interval",
        says="randomly initialised GINs leave hundreds of pairs of 8-node graphs unseparated, all 312 that 1-WL does",
        metric=UNSEPARATED,
        ours="GIN",
        low=312,
    ),
    Claim(
        id="fa-gin-separates",
        of="paper",
        kind="identity",
        says="randomly initialised FA-GIN+ID with exact frames leave no pair of 8-node graphs unseparated",
        metric=UNSEPARATED,
        ours="FA-GIN+ID",
    ),
    Claim(
        id="fa-mlp-separates",
        of="paper",
        kind="identity",
        says="randomly initialised FA-MLP with exact frames leave no pair of 8-node graphs unseparated",
        metric=UNSEPARATED,
        ours="FA-MLP",
        note="The authors' code averages over one random element of each frame, whose noise (see the relabelled "
        "copies) parts any two graphs. Averaged exactly, a handful of pairs with large frames differ, but by less "
        "than the threshold of 0.001.",
    ),
    Claim(
        id="fa-separates",
        of="here",
        kind="all_of",
        says="with exact frames, every pair differs by more than rounding, for both backbones",
        parts=("fa-gin-differs", "fa-mlp-differs"),
    ),
    Claim(
        id="fa-gin-differs",
        of="here",
        kind="identity",
        says="FA-GIN+ID with exact frames gives every two graphs embeddings that differ by more than rounding",
        metric=INDISTINGUISHABLE,
        ours="FA-GIN+ID",
    ),
    Claim(
        id="fa-mlp-differs",
        of="here",
        kind="identity",
        says="FA-MLP with exact frames gives every two graphs embeddings that differ by more than rounding",
        metric=INDISTINGUISHABLE,
        ours="FA-MLP",
    ),
    Claim(
        id="gin-is-wl",
        of="here",
        kind="identity",
        says="the pairs that GIN confuses up to rounding are as many as those of four rounds of 1-WL",
        metric=INDISTINGUISHABLE,
        ours="GIN",
        against=(WEISFEILER_LEMAN,),
    ),
    Claim(
        id="fa-gin-invariant",
        of="here",
        kind="identity",
        says="FA-GIN+ID with exact frames gives a graph and its relabelled copy one embedding",
        metric=DISTANCE,
        ours="FA-GIN+ID",
        tolerance=1e-9,
    ),
    Claim(
        id="fa-mlp-invariant",
        of="here",
        kind="identity",
        says="FA-MLP with exact frames gives a graph and its relabelled copy one embedding",
        metric=DISTANCE,
        ours="FA-MLP",
        tolerance=1e-9,
    ),
    Claim(
        id="sampling-artefact",
        of="here",
        kind="interval",
        says="with one sampled frame (the authors' code) at least a tenth of relabelled copies count as separated",
        metric=FALSE,
        ours="FA-GIN+ID, 1 sampled frame",
        low=0.1,
    ),
)


def prepare(setting: Setting) -> Prepared:
    """Simulate the particles, and find the canonical forms of the graphs."""
    size = SIZES[setting.scale]
    quick = setting.scale == "quick"
    adjacency = torch.from_numpy(atlas_graphs(7) if quick else graph8c()).double()
    forms = exact_forms(adjacency)
    return Prepared(
        content={
            "space": simulate(size, dim=3),
            "plane": simulate(size, dim=2),
            "adjacency": adjacency,
            "forms": forms,
            "confused": confused_by_refinement(adjacency),
        },
        facts={
            "particles": "charged5_initvel1small (seed 43), simulated again",
            "training systems": size.train,
            "test systems": size.test,
            "epochs": size.epochs,
            "graphs": "networkx's atlas: all 853 connected graphs of 7 nodes" if quick else GRAPH8C.title,
            "licence of the graphs": "BSD" if quick else GRAPH8C.licence,
            "canonical forms": len(forms.graph),
            "random models": size.models,
            "relabelled copies": size.copies,
            "models that embed copies": size.copy_models,
        },
    )


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Train the networks of particles, then embed the graphs."""
    size, content = SIZES[trial.scale], prepared.content
    yield from measure_particles(trial, size, content["space"], content["plane"])
    yield from measure_graphs(trial, size, content["adjacency"], content["forms"], content["confused"])
