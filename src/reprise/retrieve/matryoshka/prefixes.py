"""Using prefixes: cut embeddings short, and classify by the nearest class mean."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils import check_array, check_consistent_length

from reprise.errors import InvalidInputError
from reprise.nn.neighbours import top_k

Embeddings = TypeVar("Embeddings", NDArray[Any], torch.Tensor)


def truncate(Z: Embeddings, dim: int, normalize: bool = True) -> Embeddings:
    """Keep the first `dim` coordinates of each embedding, and bring what is left to unit length.

    Parameters
    ----------
    Z : (..., d) NumPy array or torch tensor (gradients pass).
    dim : 1 to d.
    normalize : bring each prefix to unit length, as cosine and Euclidean search expect; zero prefixes stay zero.

    Returns
    -------
    (..., dim), of the type that was given.

    Raises
    ------
    InvalidInputError
        If `dim` is not within 1 and d, or a coordinate that is kept is not finite.

    Examples
    --------
    >>> truncate(np.array([[3.0, 4.0, 12.0]]), 2)
    array([[0.6, 0.8]])
    """
    tensor = torch.as_tensor(Z)
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    if tensor.ndim == 0 or not 1 <= dim <= tensor.shape[-1]:
        raise InvalidInputError(f"dim={dim} was asked of embeddings of shape {tuple(tensor.shape)}.")
    prefix = tensor[..., :dim]
    if not torch.isfinite(prefix).all():
        raise InvalidInputError("The embeddings hold NaN or infinite values; finite ones are expected.")
    if normalize:
        prefix = torch.nn.functional.normalize(prefix, dim=-1)
    return prefix if isinstance(Z, torch.Tensor) else prefix.numpy()


def ncm_classify(Z: ArrayLike, y: ArrayLike, Zq: ArrayLike, dim: int | None = None) -> NDArray[Any]:
    """Give each query the class whose mean embedding is nearest, on prefixes of `dim` coordinates.

    Prefixes are brought to unit length, averaged by class and brought to unit length again; the nearest mean by
    Euclidean distance decides. It needs no training, so it serves classes of few samples, the tail of a long-tailed
    set, and classes that appeared after the encoder was trained. O((n + n_q C) dim).

    Parameters
    ----------
    Z : (n, d) embeddings of the samples that are labelled.
    y : (n,) labels of any type.
    Zq : (n_q, d) embeddings to classify.
    dim : coordinates to use; all if None.

    Returns
    -------
    (n_q,) labels.

    Raises
    ------
    InvalidInputError
        If `dim` is not within 1 and d, or the widths differ.
    ValueError
        If lengths differ or a value is not finite.

    Examples
    --------
    >>> Z = np.array([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.2]])
    >>> ncm_classify(Z, ["plus", "plus", "minus"], [[2.0, 5.0], [-3.0, 1.0]], dim=1).tolist()
    ['plus', 'minus']

    References
    ----------
    Kusupati et al. (2022), arXiv 2205.13147, section 5.1 (few-shot and long-tail continual learning).
    """
    labelled, queries = (
        check_array(array, dtype=(np.float64, np.float32), input_name=name) for array, name in ((Z, "Z"), (Zq, "Zq"))
    )
    check_consistent_length(labelled, y)
    if labelled.shape[1] != queries.shape[1]:
        raise InvalidInputError(f"Z has {labelled.shape[1]} columns, Zq {queries.shape[1]}; the widths must agree.")
    dim = labelled.shape[1] if dim is None else dim
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    membership = sparse.csr_array((np.ones(len(codes), dtype=labelled.dtype), (codes, np.arange(len(codes)))))
    # Sums serve as well as means, since both are brought to unit length.
    means = membership @ truncate(labelled, dim)
    return classes[top_k(truncate(queries, dim), truncate(means, dim), 1).indices[:, 0]]
