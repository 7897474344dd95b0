"""The losses of category discovery: contrast by angle and by hyperbolic distance, and self-distillation of classes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from reprise.discover.hypcd.ball import PoincareBall
from reprise.errors import InvalidInputError
from reprise.nn.contrastive import SupCon, cosine_similarity
from reprise.nn.partial_labels import UNLABELLED

STUDENT_TEMPERATURE = 0.1


def hybrid_contrastive_loss(
    z: Float[Tensor, "n_views_times_B d"],
    labels: Int[Tensor, " B"] | None = None,
    *,
    n_views: int = 2,
    c: float = 0.1,
    lam: float = 0.5,
    tau_unsup: float = 1.0,
    tau_sup: float = 0.07,
    angle_scale: float = 0.3,
    sup_weight: float = 0.35,
) -> Float[Tensor, ""]:
    r"""Contrast views by angle and by hyperbolic distance.

    .. math:: L = (1 - \lambda) L_{angle} + \lambda L_{distance}, \qquad L_s = (1 - w) U_s + w S_s

    with similarity s the cosine or minus the distance, U the contrast of a row with its other views against all other
    rows (InfoNCE), S the supervised contrast of the labelled rows (SupCon), and w 0 where no row is labelled.

    Parameters
    ----------
    z : points of the ball; the B rows of the first view, then those of the second, ...
    labels : of the B samples, -1 where unlabelled; None labels none.
    n_views : at least 2.
    c : minus the curvature of the ball.
    lam : λ; 0 sees angles only (the spherical loss of GCD and SimGCD), 1 distances only.
    tau_unsup, tau_sup : temperatures of U and S.
    angle_scale : factor of both temperatures where the similarity is the cosine.
    sup_weight : w.

    Returns
    -------
    The loss.

    Raises
    ------
    InvalidInputError
        If the rows are not `n_views` of each sample, a point lies outside the ball (where λ > 0), or λ or w is not
        between 0 and 1, or a temperature is not positive.

    Notes
    -----
    O(n² d) time and O(n²) memory for n rows.

    References
    ----------
    Y. Liu, Z. He, K. Han, "Hyperbolic Category Discovery", CVPR 2025, arXiv 2504.06120;
    code https://github.com/Visual-AI/HypCD.

    Examples
    --------
    >>> views = torch.tensor([[0.9, 0.0], [0.0, 0.9], [0.8, 0.0], [0.0, 0.8]])   # two samples, each twice
    >>> apart = hybrid_contrastive_loss(views, torch.tensor([0, 1]))
    >>> mixed = hybrid_contrastive_loss(views[[0, 1, 3, 2]], torch.tensor([0, 1]))
    >>> float(apart) < float(mixed)
    True
    """
    if n_views < 2 or z.ndim != 2 or not len(z) or len(z) % n_views:
        raise InvalidInputError(
            f"z has shape {tuple(z.shape)} with n_views={n_views}; a row for each of at least 2 views of B samples is "
            "expected."
        )
    samples = len(z) // n_views
    if labels is not None and labels.shape != (samples,):
        raise InvalidInputError(f"labels has shape {tuple(labels.shape)}; ({samples},), one a sample, is expected.")
    for name, share in (("lam", lam), ("sup_weight", sup_weight)):
        if not 0 <= share <= 1:
            raise InvalidInputError(f"{name} is {share}; a number from 0 to 1 is expected.")
    ball = PoincareBall(c)
    pairs = torch.arange(samples, device=z.device).repeat(n_views)
    every_label = torch.full_like(pairs, UNLABELLED) if labels is None else labels.repeat(n_views)
    known = every_label != UNLABELLED

    def contrast(similarities: Tensor, scale: float) -> Tensor:
        unsupervised: Tensor = SupCon(tau_unsup * scale, lambda _a, _b: similarities)(z, pairs)
        if not bool(known.any()):
            return unsupervised
        among_known = similarities[known][:, known]
        supervised: Tensor = SupCon(tau_sup * scale, lambda _a, _b: among_known)(z[known], every_label[known])
        return (1 - sup_weight) * unsupervised + sup_weight * supervised

    terms = []
    if lam < 1:
        terms.append((1 - lam) * contrast(cosine_similarity(z, z), angle_scale))
    if lam > 0:
        terms.append(lam * contrast(-ball.dist_matrix(z, z), 1.0))
    return torch.stack(terms).sum()


def self_distillation_loss(
    logits: Float[Tensor, "n_views_times_B classes"],
    *,
    n_views: int = 2,
    teacher_temperature: float = 0.04,
    student_temperature: float = STUDENT_TEMPERATURE,
    memax_weight: float = 1.0,
) -> Float[Tensor, ""]:
    r"""Let each view teach the others its class, and keep all classes in use.

    .. math:: \operatorname{mean}_{a \neq b} \operatorname{CE}(\operatorname{softmax}(o_a / T),
              \operatorname{softmax}(o_b / 0.1)) + m \, (\log C - H(\bar p))

    where gradients pass through the student b alone and p̄ is the mean class probability of the batch.

    Parameters
    ----------
    logits : of the B rows of the first view, then those of the second, ...
    n_views : at least 2.
    teacher_temperature : T, below the student's, so that the teacher is surer.
    student_temperature : of the probabilities that learn.
    memax_weight : m.

    Returns
    -------
    The loss.

    Raises
    ------
    InvalidInputError
        If the rows are not `n_views` of each sample, or a temperature is not positive.

    References
    ----------
    X. Wen, B. Zhao, X. Qi, "Parametric classification for generalized category discovery", 2023, arXiv 2211.11727.

    Examples
    --------
    >>> sure = torch.eye(2).repeat(2, 1)   # each class once, and both views agree
    >>> self_distillation_loss(sure) < 1e-3, self_distillation_loss(sure[[0, 1, 1, 0]]) > 1
    (tensor(True), tensor(True))
    """
    if n_views < 2 or logits.ndim != 2 or not len(logits) or len(logits) % n_views:
        raise InvalidInputError(
            f"logits has shape {tuple(logits.shape)} with n_views={n_views}; a row for each of at least 2 views of B "
            "samples is expected."
        )
    if not (teacher_temperature > 0 and student_temperature > 0):
        raise InvalidInputError(
            f"Temperatures {teacher_temperature} and {student_temperature} were given; both must be positive."
        )
    teachers = (logits.detach() / teacher_temperature).softmax(-1).unflatten(0, (n_views, -1))
    students = logits / student_temperature
    log_students = students.log_softmax(-1).unflatten(0, (n_views, -1))
    # Every teacher but a view's own: their sum less it.
    others = (teachers.sum(0) - teachers) / (n_views - 1)
    agreement = -(others * log_students).sum(-1).mean()
    mean_probability = students.softmax(-1).mean(0)
    unused = math.log(logits.shape[1]) + torch.special.xlogy(mean_probability, mean_probability).sum()
    return agreement + memax_weight * unused


def labelled_cross_entropy(
    logits: Float[Tensor, "n_views_times_B classes"],
    labels: Int[Tensor, " B"],
    *,
    n_views: int = 2,
    temperature: float = STUDENT_TEMPERATURE,
) -> Float[Tensor, ""]:
    """Cross-entropy over the labelled rows of all views; 0 where there is none."""
    targets = labels.repeat(n_views)
    known = targets != UNLABELLED
    if not bool(known.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[known] / temperature, targets[known])
