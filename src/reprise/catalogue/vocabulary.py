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
    "adapt": "Stay right when the distribution changes between training and use.",
    "classify": "Predict a label for each sample, also with few or unevenly spread labels.",
    "cluster": "Group unlabelled samples.",
    "compare": "Say how alike two or more representations are.",
    "complete-graph": "Predict the missing facts of a knowledge graph.",
    "compress": "Store a signal or run a model in less space or time.",
    "discover": "Find classes that were never labelled among samples of known and unknown classes.",
    "equivariance": "Build networks that respect a symmetry exactly or learn it.",
    "evaluate": "Measure what a model can do beyond one overall score.",
    "explain": "Say why a model decided as it did.",
    "forecast": "Predict what comes next.",
    "generate": "Make new samples.",
    "graph-classify": "Predict a label for each graph.",
    "ground": "Give symbols a meaning in what is seen.",
    "hierarchy": "Arrange samples in a tree of named groups.",
    "infer": "Compute distributions over what is not observed.",
    "inspect": "See what a model's layers, heads and features do.",
    "molecules": "Predict properties of molecules and materials.",
    "pretrain": "Learn representations from unlabelled data.",
    "profile": "Say what a data set or an embedding is like.",
    "program-synthesis": "Find programs that explain examples.",
    "proportions": "Learn single labels from the proportions of labels in groups.",
    "recommend": "Rank or choose items for users.",
    "regress": "Predict a number for each sample, also far beyond the training range.",
    "retrieve": "Find the items nearest to a query.",
    "segment": "Assign each pixel to an object or a class.",
    "steer": "Change what a trained model does by acting on its inside.",
}
