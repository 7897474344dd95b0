"""Convolutions over the affine groups of the plane, through a polar decomposition of their elements.

A network that keeps its accuracy when test images are rotated, stretched, scaled and sheared although it was trained
on upright ones. The groups SL(2) and GL+(2) are neither compact nor commutative: their exponential map is not onto, so
that a kernel cannot be a function of the matrix logarithm, and there is no uniform draw of their elements. Here every
element is g = exp(X) R with X symmetric and R a rotation, uniquely, which gives global coordinates (`group_log`,
`group_exp`) and samples (`MatrixGroup.sample_pair`).

- `polar_decompose`, `polar_compose`: the decomposition in n dimensions, with gradients that stay finite;
- `SO2`, `SPD2`, `SL2`, `GL2` and, in n dimensions, `SOn`, `SPDn`, `SLn`, `GLn`: bases, coordinates, samples;
- `LiftConv2d`, `GroupConv2d`: convolutions from images to R² x| G and on it, their kernels functions of coordinates
  (`SineKernel`) that are read at sampled elements;
- `AffineResNet`, the network made of them; `AffineInvariantClassifier`, the same as a scikit-learn estimator;
- `affine_equivariance_error`: how far a layer is from moving along with its input.

References
----------
Mironenco, Forré (2024), Lie Group Decompositions for Equivariant Neural Networks, ICLR, arXiv:2310.11366;
github.com/mirceamironenco/rgenn.
"""

from reprise.nn.matrix_groups import polar_compose, polar_decompose
from reprise.symmetry.lie_decompositions.checks import affine_equivariance_error
from reprise.symmetry.lie_decompositions.classifier import AffineInvariantClassifier
from reprise.symmetry.lie_decompositions.convolution import GroupConv2d, LiftConv2d
from reprise.symmetry.lie_decompositions.families import GLn, SLn, SOn, SPDn
from reprise.symmetry.lie_decompositions.groups import GroupSamples, MatrixGroup
from reprise.symmetry.lie_decompositions.kernels import SineKernel
from reprise.symmetry.lie_decompositions.network import AffineResNet, FeatureNorm, GroupResidualBlock
from reprise.symmetry.lie_decompositions.plane import GL2, SL2, SO2, SPD2, group_exp, group_log, group_named

__all__ = [
    "GL2",
    "SL2",
    "SO2",
    "SPD2",
    "AffineInvariantClassifier",
    "AffineResNet",
    "FeatureNorm",
    "GLn",
    "GroupConv2d",
    "GroupResidualBlock",
    "GroupSamples",
    "LiftConv2d",
    "MatrixGroup",
    "SLn",
    "SOn",
    "SPDn",
    "SineKernel",
    "affine_equivariance_error",
    "group_exp",
    "group_log",
    "group_named",
    "polar_compose",
    "polar_decompose",
]
