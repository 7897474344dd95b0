"""Frame averaging around any backbone, for the numbering of a graph's nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import Graph, dense_from_edges, segment_mean
from reprise.nn.graph_batch import graph_batch
from reprise.symmetry.frame_averaging.canonical import canonical_graphs
from reprise.symmetry.frame_averaging.sort import MAX_FRAMES


class GraphFrameAveraging(nn.Module):
    r"""Make any network of adjacency matrices invariant (or equivariant) to the numbering of nodes.

    Averages ``backbone(adjacency, x)`` over the sorting frame of each graph (`sort_frames`). The backbone is called
    once, on the distinct canonical forms of all graphs (`canonical_graphs`): |F| / |Aut| of each, when the frame is
    exact. With a universal backbone it tells apart every two graphs that are not isomorphic, which message passing
    (bounded by 1-WL) cannot.

    Parameters
    ----------
    backbone : module or function of ``(adjacency (M, n, n), x (M, n, c))``, without `x` if none is given, with a
        keyword `mask` (M, n) if the graphs are padded.
    output_kind : ``"invariant"`` for outputs (M, ...), ``"node"`` for outputs (M, n, ...), which go back to the
        nodes they came from.
    max_frames : largest frame to enumerate; a larger one is an error.
    sample : average over this many random elements in place of the whole frame, as the authors do (with 1 or 10).
        Quick for any graph, but invariant in expectation only: two numberings of one graph come out different.
    seed : of the sample.

    Raises
    ------
    InvalidInputError
        In `forward`, for graphs that `sort_frames` refuses.

    References
    ----------
    Puny et al. (2022), arXiv:2110.03336, sections 3.2 and 5.2; github.com/omri1348/Frame-Averaging.

    Examples
    --------
    A hexagon and two triangles are one graph to message passing, and two to the average:

    >>> import torch
    >>> from reprise.symmetry.frame_averaging import GIN
    >>> _ = torch.manual_seed(0)
    >>> ring = torch.zeros(6, 6)
    >>> ring[range(6), [1, 2, 3, 4, 5, 0]] = 1
    >>> triangles = torch.block_diag(1 - torch.eye(3), 1 - torch.eye(3))
    >>> graphs = torch.stack([ring + ring.T, triangles])
    >>> one, other = GIN(identity=False)(graphs)
    >>> torch.allclose(one, other)
    True
    >>> one, other = GraphFrameAveraging(GIN(), max_frames=720)(graphs)
    >>> torch.allclose(one, other, atol=1e-3)
    False
    """

    def __init__(
        self,
        backbone: Callable[..., Any],
        *,
        output_kind: Literal["invariant", "node"] = "invariant",
        max_frames: int = MAX_FRAMES,
        sample: int | None = None,
        seed: int = 0,
    ):
        super().__init__()
        if output_kind not in {"invariant", "node"}:
            raise InvalidInputError(f"output_kind must be 'invariant' or 'node'; got {output_kind!r}.")
        if max_frames < 1 or (sample is not None and sample < 1):
            raise InvalidInputError(f"max_frames and sample must be positive; got {max_frames} and {sample}.")
        self.backbone = backbone
        self.output_kind = output_kind
        self.max_frames = max_frames
        self.sample = sample
        self.generator = torch.Generator().manual_seed(seed)

    def forward(
        self,
        graph: Graph | Any,
        x: Float[Tensor, "*nodes c"] | None = None,
        *,
        mask: Bool[Tensor, "B n"] | None = None,
        batch: Int[Tensor, " N"] | None = None,
    ) -> Tensor:
        """Average over frames.

        Parameters
        ----------
        graph : adjacency (B, n, n), or `edge_index` (2, E) of packed graphs, each edge in both directions; or alone,
            with its features, anything that `reprise.nn.graph_batch` takes, such as a torch-geometric batch.
        x : features (B, n, c), or (N, c) beside `edge_index`.
        mask : real nodes of padded adjacencies.
        batch : graph of each node, beside `edge_index` (by default there is one graph, of the nodes of x).

        Returns
        -------
        Tensor
            (B, ...); or for nodes (B, n, ...), packed (N, ...).
        """
        if not isinstance(graph, Tensor):
            if any(value is not None for value in (x, mask, batch)):
                raise InvalidInputError("A batch of graphs holds all inputs; give it alone.")
            graphs = graph_batch(graph)
            graph, x, batch = graphs.edge_index, graphs.x, graphs.batch
        if graph.is_floating_point():
            return self._average(graph, x, mask)
        if batch is None and x is None:
            raise InvalidInputError("An edge_index needs x or batch beside it, to know how many nodes there are.")
        if batch is None:
            batch = torch.zeros(len(x) if x is not None else 0, dtype=torch.long, device=graph.device)
        dtype = torch.get_default_dtype() if x is None else x.dtype
        adjacency, place = dense_from_edges(graph, batch, dtype=dtype)
        real = torch.zeros(adjacency.shape[:2], dtype=torch.bool, device=graph.device)
        real[batch, place] = True
        padded = None
        if x is not None:
            padded = x.new_zeros(*adjacency.shape[:2], x.shape[-1])
            padded[batch, place] = x
        averaged = self._average(adjacency, padded, None if bool(real.all()) else real)
        return averaged[batch, place] if self.output_kind == "node" else averaged

    def _average(self, adjacency: Tensor, x: Tensor | None, mask: Tensor | None) -> Tensor:
        per_node = self.output_kind == "node"
        forms = canonical_graphs(
            adjacency,
            x,
            mask=mask,
            max_frames=self.max_frames,
            sample=self.sample,
            generator=self.generator,
            elements=per_node,
        )
        # Padding comes last in every canonical form, so that its mask is the sorted mask of its graph.
        keywords = {} if mask is None else {"mask": mask.sort(dim=1, descending=True).values[forms.graph]}
        arguments = (forms.adjacency,) if forms.x is None else (forms.adjacency, forms.x)
        y = self.backbone(*arguments, **keywords)
        if len(y) != len(forms.graph):
            raise InvalidInputError(f"The backbone got {len(forms.graph)} graphs and gave an output of {len(y)} rows.")
        if forms.permutations is None or forms.form is None or forms.element_graph is None:
            return segment_mean(y, forms.graph, len(adjacency))
        back = forms.permutations.argsort(1)
        back = back.reshape(*back.shape, *[1] * (y.ndim - 2)).expand(-1, -1, *y.shape[2:])
        return segment_mean(y[forms.form].gather(1, back), forms.element_graph, len(adjacency))
