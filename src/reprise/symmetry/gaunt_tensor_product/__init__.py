"""Gaunt tensor products: equivariant products of spherical-harmonic features as products of functions on the sphere.

A feature of degrees 0..L is a function on the sphere, written in (L + 1)² real spherical harmonics. Two of them are
multiplied point by point, and the product written in harmonics again: exactly equivariant to rotations and inversion,
in O(L³) in place of the O(L⁶) of Clebsch-Gordan products. The price is fewer degrees of freedom: one weight a degree in
place of one a path, and no antisymmetric paths.

- `gaunt_tensor_product` multiplies two features by a Fourier series (the paper's way), a grid or the contraction
  itself, and `many_body_product` raises one to a power;
- `GauntTensorProduct` and `GauntConvolution` are the learned layers: two features, or a feature and an edge's
  harmonics, for which `EdgeFrames` turn each edge onto the polar axis;
- `GauntMessageLayer` and `GauntNetwork` make an equivariant network of points of them;
  `ClebschGordanTensorProduct` is the full product to compare with, also inside that network;
- `spherical_harmonics`, `wigner_d`, `gaunt_tensor`, `gaunt_coefficient`, `real_wigner_3j`, `to_fourier` and
  `from_fourier` are the mathematics.

Coefficients are in e3nn's order (l = 0, 1, ..., each with m = -l..l) and axes (degree 1 is x, y, z).

References
----------
Luo, Chen, Krishnapriyan (2024), Enabling Efficient Equivariant Operations in the Fourier Basis via Gaunt Tensor
Products, ICLR, arXiv:2401.10216; github.com/lsj2408/Gaunt-Tensor-Product.
"""

from reprise.symmetry.gaunt_tensor_product.clebsch_gordan import ClebschGordanTensorProduct
from reprise.symmetry.gaunt_tensor_product.coefficients import gaunt_coefficient, gaunt_tensor, real_wigner_3j
from reprise.symmetry.gaunt_tensor_product.convolution import GauntConvolution
from reprise.symmetry.gaunt_tensor_product.message import DegreeLinear, GauntMessageLayer
from reprise.symmetry.gaunt_tensor_product.modules import GauntTensorProduct
from reprise.symmetry.gaunt_tensor_product.network import GauntNetwork
from reprise.symmetry.gaunt_tensor_product.product import gaunt_tensor_product, many_body_product
from reprise.symmetry.gaunt_tensor_product.rotations import EdgeFrames, spherical_harmonics, wigner_d
from reprise.symmetry.gaunt_tensor_product.transforms import from_fourier, to_fourier

__all__ = [
    "ClebschGordanTensorProduct",
    "DegreeLinear",
    "EdgeFrames",
    "GauntConvolution",
    "GauntMessageLayer",
    "GauntNetwork",
    "GauntTensorProduct",
    "from_fourier",
    "gaunt_coefficient",
    "gaunt_tensor",
    "gaunt_tensor_product",
    "many_body_product",
    "real_wigner_3j",
    "spherical_harmonics",
    "to_fourier",
    "wigner_d",
]
