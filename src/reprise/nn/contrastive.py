"""Contrastive losses that take any similarity: InfoNCE between two towers, SupCon within a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError

Similarity = Callable[[Tensor, Tensor], Tensor]


def cosine_similarity(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Cosine of the angle between each row of `a` and each row of `b`."""
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).mT


def dot_similarity(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Inner product of each row of `a` with each row of `b`."""
    return a @ b.mT


def negative_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Minus the Euclidean distance between each row of `a` and each row of `b`."""
    return -torch.cdist(a, b)


SIMILARITIES: dict[str, Similarity] = {
    "cosine": cosine_similarity,
    "dot": dot_similarity,
    "negative_distance": negative_distance,
}


class InfoNCE(nn.Module):
    r"""Contrast of two towers: row i of `a` belongs to row i of `b`, and every other row of `b` is a negative.

    .. math:: \ell = -\frac1n \sum_i \log \frac{\exp(s(a_i, b_i) / \tau_i)}
                                              {\sum_{j \in J_i} \exp(s(a_i, b_j) / \tau_i)}

    where J_i holds i, the other rows of `b` and any `negatives`, less what `exclude` marks. It is also known as the
    N-pairs, NT-Xent or multiple-negatives ranking loss. Time and memory O(n (n + m) + n (n + m) d) for n pairs, m
    further negatives and dimension d.

    Parameters
    ----------
    temperature : τ; `forward` also takes one for each row, or a learnt one.
    similarity : ``"cosine"``, ``"dot"``, ``"negative_distance"``, or a function of (n, d) and (m, d) that gives (n, m).
    symmetric : average with the same loss from `b` to `a`, as CLIP does.

    Raises
    ------
    InvalidInputError
        If the temperature is not positive, the similarity has an unknown name, or the towers differ in shape.

    Examples
    --------
    >>> import torch
    >>> towers = torch.eye(3), torch.eye(3)
    >>> InfoNCE(temperature=1.0)(*towers)   # log(e + 2) - 1
    tensor(0.5514)

    References
    ----------
    van den Oord, Li and Vinyals (2018), "Representation learning with contrastive predictive coding", arXiv 1807.03748.
    Radford et al. (2021), "Learning transferable visual models from natural language supervision", arXiv 2103.00020.
    """

    def __init__(self, temperature: float = 0.07, similarity: str | Similarity = "cosine", *, symmetric: bool = False):
        super().__init__()
        _check_temperature(temperature)
        self.temperature = temperature
        self.similarity = _named(similarity)
        self.symmetric = symmetric

    def forward(
        self,
        a: Float[Tensor, "n d"],
        b: Float[Tensor, "n d"],
        negatives: Float[Tensor, "m d"] | None = None,
        *,
        exclude: Bool[Tensor, "n n_and_m"] | None = None,
        temperature: Float[Tensor, " n"] | Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Contrast the towers.

        Parameters
        ----------
        a, b : paired embeddings.
        negatives : embeddings that belong to no row of `a`, such as hard negatives or a queue.
        exclude : pairs (row of `a`, row of `b` or of `negatives`) that are left out, such as false negatives; the
            diagonal must be False.
        temperature : one for each row, or a learnt one, in place of the loss's own.
        """
        if a.shape != b.shape or a.ndim != 2 or not len(a):
            raise InvalidInputError(
                f"InfoNCE needs two non-empty towers of one shape (n, d), not {tuple(a.shape)} and {tuple(b.shape)}."
            )
        others = b if negatives is None else torch.cat([b, negatives])
        return self.from_similarities(self.similarity(a, others), exclude=exclude, temperature=temperature)

    def from_similarities(
        self,
        similarities: Float[Tensor, "n n_and_m"],
        *,
        exclude: Bool[Tensor, "n n_and_m"] | None = None,
        temperature: Float[Tensor, " n"] | Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Give the loss of similarities that are already known; the diagonal holds those of the pairs."""
        n = len(similarities)
        logits = _sharpened(similarities, self.temperature if temperature is None else temperature)
        if exclude is not None:
            if exclude.shape != logits.shape or exclude.diagonal().any():
                raise InvalidInputError(
                    f"`exclude` must have shape {tuple(logits.shape)} and a False diagonal; it has shape "
                    f"{tuple(exclude.shape)}."
                )
            logits = logits.masked_fill(exclude, -torch.inf)
        pairs = torch.arange(n, device=logits.device)
        loss = F.cross_entropy(logits, pairs)
        if self.symmetric:
            loss = (loss + F.cross_entropy(logits[:, :n].mT, pairs)) / 2
        return loss


class SupCon(nn.Module):
    r"""Supervised contrast within a batch: rows of one label attract each other, all others are negatives.

    .. math:: \ell = \operatorname{mean}_{i : P_i \neq \emptyset} \frac{-1}{|P_i|} \sum_{p \in P_i}
              \log \frac{\exp(s(z_i, z_p) / \tau_i)}{\sum_{j \neq i} \exp(s(z_i, z_j) / \tau_i)}

    with P_i the other rows of i's label (the form "out" of the paper). Rows without a partner are negatives only. With
    the image's index as label of each of its views it is SimCLR's loss. Time and memory O(n^2 d) and O(n^2).

    Parameters
    ----------
    temperature, similarity : as for `InfoNCE`.

    Raises
    ------
    InvalidInputError
        As for `InfoNCE`; also if the lengths differ, or no two rows share a label.

    Examples
    --------
    >>> import torch
    >>> z = torch.eye(2).repeat(2, 1)
    >>> SupCon(temperature=1.0)(z, torch.tensor([0, 1, 0, 1]))   # log(e + 2) - 1
    tensor(0.5514)

    References
    ----------
    Khosla et al. (2020), "Supervised contrastive learning", arXiv 2004.11362.
    """

    def __init__(self, temperature: float = 0.07, similarity: str | Similarity = "cosine"):
        super().__init__()
        _check_temperature(temperature)
        self.temperature = temperature
        self.similarity = _named(similarity)

    def forward(
        self,
        z: Float[Tensor, "n d"],
        labels: Int[Tensor, " n"],
        *,
        temperature: Float[Tensor, " n"] | Float[Tensor, ""] | None = None,
    ) -> Float[Tensor, ""]:
        """Contrast the rows of `z` by their labels."""
        if z.ndim != 2 or labels.shape != z.shape[:1]:
            raise InvalidInputError(
                f"SupCon needs (n, d) embeddings and n labels, not {tuple(z.shape)} and {tuple(labels.shape)}."
            )
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        partners = (labels.unsqueeze(0) == labels.unsqueeze(1)) & ~itself
        count = partners.sum(1)
        if not count.any():
            raise InvalidInputError("No two rows of the batch share a label, so SupCon has nothing to attract.")
        logits = _sharpened(self.similarity(z, z), self.temperature if temperature is None else temperature)
        logits = logits.masked_fill(itself, -torch.inf)
        log_probability = logits - logits.logsumexp(1, keepdim=True)
        attraction = log_probability.masked_fill(~partners, 0.0).sum(1) / count.clamp(min=1)
        return -attraction[count > 0].mean()


def _sharpened(similarities: Tensor, temperature: float | Tensor) -> Tensor:
    """Divide row i by the temperature, or by its own."""
    _check_temperature(temperature)
    return similarities / (temperature.unsqueeze(-1) if isinstance(temperature, Tensor) else temperature)


def _check_temperature(temperature: float | Tensor) -> None:
    lowest = float(temperature.min()) if isinstance(temperature, Tensor) else temperature
    if not lowest > 0:
        raise InvalidInputError(f"A temperature must be positive; {lowest} was given.")


def _named(similarity: str | Similarity) -> Similarity:
    if callable(similarity):
        return similarity
    if similarity not in SIMILARITIES:
        raise InvalidInputError(f"There is no similarity {similarity!r}; there are {', '.join(SIMILARITIES)}.")
    return SIMILARITIES[similarity]
