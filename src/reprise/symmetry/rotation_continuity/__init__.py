r"""On the continuity of rotation representations: what a network should output when it is to say a rotation.

A network's last layer gives a raw vector; a map f makes it a rotation matrix. To be learnt well, the vectors that mean
the rotations should change steadily with them: there should be a continuous g from rotations to vectors with
f(g(R)) = R. SO(3) has none in four numbers or fewer, because it does not fit into R^4 without tearing: with
quaternions, rotation vectors or Euler angles some rotations keep errors of up to 180 degrees however long one trains.
It has one in five and in six.

- `RotationHead` is the layer to put after any network: ``RotationHead(features)``. `GeodesicLoss` and
  `geodesic_distance` measure the angle that is left.
- `rotation_from_6d` and `rotation_to_6d` are the maps for six numbers, `rotation_from_5d` and `rotation_to_5d` those
  for five; `rotation_from_gram_schmidt` (n² - n numbers) and `rotation_from_stereographic` (down to n² - 2n + 2) those
  for rotations of R^n; `orthogonal_from_gram_schmidt` adds reflections, `similarity_from_gram_schmidt` scale and
  translation.
- `rotation_from_quaternion`, `rotation_from_axis_angle`, `rotation_from_rotation_vector`, `rotation_from_euler`,
  `rotation_from_hopf`, `matrix_from_euler_sin_cos` and `rotation_from_matrix9` are what it is compared with;
  `rotation_from_svd` is the later alternative in nine numbers.
- `RotationAutoencoder`, `PointCloudPose` and `InverseKinematics` are the paper's three experiments.

All maps take any batch shape, float32 and float64, and can be differentiated.

References
----------
Y. Zhou, C. Barnes, J. Lu, J. Yang, H. Li (2019), On the Continuity of Rotation Representations in Neural Networks,
CVPR, arXiv:1812.07035. Code: https://github.com/papagina/RotationContinuity.
"""

from reprise.nn.linalg import geodesic_distance
from reprise.symmetry.rotation_continuity.euler import (
    matrix_from_euler_sin_cos,
    rotation_from_euler,
    rotation_to_euler,
    rotation_to_euler_sin_cos,
)
from reprise.symmetry.rotation_continuity.gram_schmidt import (
    rotation_from_6d,
    rotation_from_gram_schmidt,
    rotation_to_6d,
    rotation_to_gram_schmidt,
)
from reprise.symmetry.rotation_continuity.heads import GeodesicLoss, Representation, RotationHead
from reprise.symmetry.rotation_continuity.kinematics import ForwardKinematics, JointPositionLoss
from reprise.symmetry.rotation_continuity.networks import InverseKinematics, PointCloudPose, RotationAutoencoder
from reprise.symmetry.rotation_continuity.projection import (
    rotation_from_matrix9,
    rotation_from_svd,
    rotation_to_matrix9,
)
from reprise.symmetry.rotation_continuity.quaternions import (
    rotation_from_axis_angle,
    rotation_from_hopf,
    rotation_from_quaternion,
    rotation_from_rotation_vector,
    rotation_to_axis_angle,
    rotation_to_hopf,
    rotation_to_quaternion,
    rotation_to_rotation_vector,
)
from reprise.symmetry.rotation_continuity.similarity import (
    Similarity,
    orthogonal_from_gram_schmidt,
    orthogonal_to_gram_schmidt,
    similarity_from_gram_schmidt,
    similarity_to_gram_schmidt,
)
from reprise.symmetry.rotation_continuity.stereographic import (
    rotation_from_5d,
    rotation_from_stereographic,
    rotation_to_5d,
    rotation_to_stereographic,
)

__all__ = [
    "ForwardKinematics",
    "GeodesicLoss",
    "InverseKinematics",
    "JointPositionLoss",
    "PointCloudPose",
    "Representation",
    "RotationAutoencoder",
    "RotationHead",
    "Similarity",
    "geodesic_distance",
    "matrix_from_euler_sin_cos",
    "orthogonal_from_gram_schmidt",
    "orthogonal_to_gram_schmidt",
    "rotation_from_5d",
    "rotation_from_6d",
    "rotation_from_axis_angle",
    "rotation_from_euler",
    "rotation_from_gram_schmidt",
    "rotation_from_hopf",
    "rotation_from_matrix9",
    "rotation_from_quaternion",
    "rotation_from_rotation_vector",
    "rotation_from_stereographic",
    "rotation_from_svd",
    "rotation_to_5d",
    "rotation_to_6d",
    "rotation_to_axis_angle",
    "rotation_to_euler",
    "rotation_to_euler_sin_cos",
    "rotation_to_gram_schmidt",
    "rotation_to_hopf",
    "rotation_to_matrix9",
    "rotation_to_quaternion",
    "rotation_to_rotation_vector",
    "rotation_to_stereographic",
    "similarity_from_gram_schmidt",
    "similarity_to_gram_schmidt",
]
