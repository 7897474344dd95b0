"""The groups of the plane in the paper's bases, and global coordinates by a group's name."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.symmetry.lie_decompositions.families import GLn, Rotations, SLn, SOn, SPDn
from reprise.symmetry.lie_decompositions.groups import MatrixGroup


class SO2(SOn):
    """Rotations of the plane; one coordinate, √2 times the angle in [0, 2π). Samples are equidistant by default.

    Examples
    --------
    >>> import torch
    >>> SO2().log(torch.tensor([[0.0, -1.0], [1.0, 0.0]])) / 2**0.5  # a quarter turn
    tensor([1.5708])
    """

    def __init__(self, alpha: float = 1.0, *, rotations: Rotations = "equidistant"):
        super().__init__(2, alpha, rotations=rotations)


class SPD2(SPDn):
    """Symmetric positive definite 2 x 2 matrices; see `SPDn`.

    Examples
    --------
    >>> SPD2(traceless=True).basis.shape
    torch.Size([2, 2, 2])
    """

    def __init__(self, traceless: bool = False, alpha: float = 1.0, *, variance: float = 0.1):
        super().__init__(2, alpha, traceless=traceless, variance=variance)


class GL2(GLn):
    """Linear maps of the plane that keep orientation, GL+(2); basis: diag(1, 0), symmetric, diag(0, 1), skew.

    Examples
    --------
    >>> import torch
    >>> GL2().log(torch.diag(torch.tensor([2.0, 1.0])))
    tensor([0.6931, 0.0000, 0.0000, 0.0000])
    """

    def __init__(self, alpha: float = 1.0, *, variance: float = 0.1, rotations: Rotations = "equidistant"):
        super().__init__(2, alpha, variance=variance, rotations=rotations)


class SL2(SLn):
    """Linear maps of the plane that keep orientation and area, SL(2); basis: symmetric, skew, diag(1, -1), over √2.

    Examples
    --------
    >>> import torch
    >>> group = SL2()
    >>> group.log(torch.diag(torch.tensor([-2.0, -0.5])))  # no real matrix logarithm reaches it
    tensor([0.0000, 4.4429, 0.9803])
    """

    def __init__(self, alpha: float = 1.0, *, variance: float = 0.1, rotations: Rotations = "equidistant"):
        super().__init__(2, alpha, variance=variance, rotations=rotations)


GROUPS: dict[str, type[SO2] | type[SL2] | type[GL2]] = {"so2": SO2, "sl2": SL2, "gl2": GL2}


def group_named(name: str) -> MatrixGroup:
    """Give the group of the plane of a name, with the paper's settings: ``"so2"``, ``"sl2"`` or ``"gl2"``.

    Raises
    ------
    UnknownNameError
        If there is no such group.

    Examples
    --------
    >>> group_named("gl2")
    GL+(2)
    """
    if name not in GROUPS:
        raise UnknownNameError("group", name, GROUPS)
    return GROUPS[name]()


def group_log(
    g: Float[Tensor, "*batch n n"], group: str | MatrixGroup, *, check: bool = True
) -> Float[Tensor, "*batch dim"]:
    r"""Give the global coordinates of group elements, $\xi^{-1}(g) = \mathrm{vee}(\log P + \log R)$ with g = P R.

    In contrast to the matrix logarithm they exist for every g of GL+(n) and SL(n), and are unique.

    Parameters
    ----------
    g : elements.
    group : ``"so2"``, ``"sl2"``, ``"gl2"``, or a `MatrixGroup`.
    check : look at the input, which waits for an accelerator.

    Raises
    ------
    InvalidInputError
        If `g` are not elements: not square, not finite, det g not positive, for SL further than 1e-4 from 1, for SO
        not orthogonal.

    Examples
    --------
    >>> import torch
    >>> group_log(torch.eye(2), "gl2")
    tensor([0., 0., 0., 0.])
    """
    return (group_named(group) if isinstance(group, str) else group).log(g, check=check)


def group_exp(v: Float[Tensor, "*batch dim"], group: str | MatrixGroup) -> Float[Tensor, "*batch n n"]:
    r"""Give the group elements of global coordinates, $\xi(v) = \exp(X) \exp(A)$ with hat(v) = X + A.

    X is the symmetric and A the skew part. The inverse of `group_log`.

    Parameters
    ----------
    v : coordinates.
    group : ``"so2"``, ``"sl2"``, ``"gl2"``, or a `MatrixGroup`.

    Raises
    ------
    InvalidInputError
        If the last axis is not as long as the group's dimension.

    Examples
    --------
    >>> import torch
    >>> g = torch.tensor([[-2.0, 1.0], [0.0, -0.5]])
    >>> torch.allclose(group_exp(group_log(g, "sl2"), "sl2"), g, atol=1e-6)
    True
    """
    return (group_named(group) if isinstance(group, str) else group).exp(v)


def plane_group(group: str | MatrixGroup) -> MatrixGroup:
    """Give the group of the plane, by name where it is one."""
    group = group_named(group) if isinstance(group, str) else group
    if isinstance(group, SPDn):
        raise InvalidInputError(
            f"{group} is no group (products of its matrices are not symmetric); convolutions take a group of the "
            f"plane: {', '.join(GROUPS)}."
        )
    if group.n != 2:
        raise InvalidInputError(f"Images are acted on by groups of the plane; {group} acts on {group.n} dimensions.")
    return group
