"""The words of the catalogue: families, tasks and statuses."""

from __future__ import annotations

from typing import Literal, get_args

Status = Literal["planned", "method", "measured"]
STATUSES: tuple[Status, ...] = get_args(Status)

FAMILIES: dict[str, str] = {
    "symmetry": "Layers that are right by construction: invariance and equivariance to groups.",
    "pretrain": "Representations from views, without labels.",
    "generate": "Making images, videos and shapes.",
    "discover": "Classes and clusters that nobody labelled.",
    "shift": "When the distribution changes between training and use.",
    "measure": "What a representation or a data set is like.",
    "language": "Inside language models.",
    "retrieve": "Finding and recommending with representations.",
    "structured": "Graphs, molecules, crystals and markets.",
    "reason": "Symbols, programs and inference.",
    "segment": "From pixels to regions.",
}

TASKS: dict[str, str] = {
    "classify": "Predict a label for each sample, also with few or unevenly spread labels.",
    "cluster": "Group unlabelled samples.",
    "compare": "Say how alike two or more representations are.",
    "discover": "Find classes that were never labelled among samples of known and unknown classes.",
    "equivariance": "Build networks that respect a symmetry exactly or learn it.",
    "inspect": "See what a model's layers, heads and features do.",
    "profile": "Say what a data set or an embedding is like.",
    "proportions": "Learn single labels from the proportions of labels in groups.",
    "recommend": "Rank items for users.",
    "retrieve": "Find the items nearest to a query.",
    "steer": "Change what a trained model does by acting on its inside.",
}
