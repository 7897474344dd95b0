"""In-context learning of representations: whether a model takes over the structure that a prompt gives to its words.

Words are put on the nodes of a graph at random, and a random walk names them one after another. As the context grows,
large models come to predict neighbours, and the mean representations of the words come to lie as the graph does::

    model = LanguageModel.from_pretrained()
    task = GraphTracing("grid", 4)
    trace = task.sample(1400, model.tokenizer)
    reading = trace_representations(model, trace, [200, 400, 800, 1400], layers=[15, 30], window=200, predictions=True)
    graph_alignment(reading.at(1400, layer=30), trace.adjacency)
    rule_accuracy(reading.masses, trace.nodes, trace.adjacency).share

Neighbours also come closer where a model does no more than mix each word with the one before it. Look at the same
figures for ``GraphTracing(..., mode="independent")``, for permuted nodes (`permuted_alignment`), and for word vectors
mixed once (`mixing_null`), before saying that the graph was learned.

References
----------
C. F. Park, A. Lee, E. S. Lubana, Y. Yang, M. Okawa, K. Nishi, M. Wattenberg and H. Tanaka (2025). ICLR: In-context
learning of representations. ICLR 2025. arXiv:2501.00070.
"""

from reprise.language.in_context_representations.accuracy import rule_accuracy
from reprise.language.in_context_representations.critical import (
    critical_length,
    crossing_length,
    scaling_exponent,
    seen_component,
)
from reprise.language.in_context_representations.energy import dimension_energies, dirichlet_energy
from reprise.language.in_context_representations.graphs import graph_adjacency, graph_distances
from reprise.language.in_context_representations.intervention import (
    move_node,
    node_subspace,
    random_subspace,
)
from reprise.language.in_context_representations.nulls import mixing_null, permuted_alignment
from reprise.language.in_context_representations.reading import TraceReading, node_probabilities, trace_representations
from reprise.language.in_context_representations.semantics import order_ring, semantic_alignment
from reprise.language.in_context_representations.spectral import (
    component_alignment,
    graph_alignment,
    principal_components,
    spectral_embedding,
)
from reprise.language.in_context_representations.tracing import DAYS, WORDS, GraphTrace, GraphTracing

__all__ = [
    "DAYS",
    "WORDS",
    "GraphTrace",
    "GraphTracing",
    "TraceReading",
    "component_alignment",
    "critical_length",
    "crossing_length",
    "dimension_energies",
    "dirichlet_energy",
    "graph_adjacency",
    "graph_alignment",
    "graph_distances",
    "mixing_null",
    "move_node",
    "node_probabilities",
    "node_subspace",
    "order_ring",
    "permuted_alignment",
    "principal_components",
    "random_subspace",
    "rule_accuracy",
    "scaling_exponent",
    "seen_component",
    "semantic_alignment",
    "spectral_embedding",
    "trace_representations",
]
