"""Where is the nose? Networks see aeroplanes in one pose and are asked about unseen ones in any pose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Scale, Trial
from reprise.claims.symmetry._motion import CLIP
from reprise.claims.symmetry._ponita.sizes import PLANE_BATCH, Size
from reprise.data.shapenet_planes import SAMPLE, WHOLE, shapenet_planes, shapenet_planes_whole
from reprise.data.simulators.aeroplanes import simulated_aeroplanes
from reprise.nn.egnn import EGNN
from reprise.nn.graph import radius_edges
from reprise.nn.linalg import random_rotations
from reprise.symmetry.frame_averaging import PointNet
from reprise.symmetry.ponita import PONITA
from reprise.training import train

NOSE = "nose error in any pose"
POSE = "change of the answer with the pose"
STRETCH = 4.0  # of coordinates, whose standard deviation is about 0.1
RADIUS = 0.6  # about 9 neighbours of 32 points, after stretching
TEST_SHARE = 0.25
POINTS_KEPT = 1024  # of each aeroplane of the whole data set
EGNN_SIZE = {"hidden": 32, "layers": 3}


@dataclass(frozen=True)
class Aeroplanes:
    """Clouds (N, points, 3) in one pose, and where their noses point."""

    clouds: Tensor
    nose: Tensor
    title: str
    licence: str


class PonitaNose(nn.Module):
    """The nose as a vector of the whole cloud; the points' vectors lead from the centre to each."""

    def __init__(self, **settings: Any):
        super().__init__()
        self.network = PONITA(1, 1, scalar_out=0, vector_out=1, task="graph", radius=RADIUS, **settings)

    def forward(self, points: Tensor) -> Tensor:
        """Give a vector a cloud."""
        vector: Tensor = self.network(points, torch.ones_like(points[..., :1]), _centred(points)[..., None, :])[1]
        return vector[:, 0]


class EgnnNose(nn.Module):
    """The sum of EGNN's shifts, from the same inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.network = EGNN(edge_dim=0, **EGNN_SIZE)

    def forward(self, points: Tensor) -> Tensor:
        """Give a vector a cloud."""
        clouds, count, _ = points.shape
        packed = points.flatten(0, 1)
        batch = torch.arange(clouds, device=points.device).repeat_interleave(count)
        edges = radius_edges(packed, RADIUS, batch)
        moved: Tensor = self.network(packed, _centred(points).flatten(0, 1), edge_index=edges)
        return (moved - packed).unflatten(0, (clouds, count)).sum(1)


class PointNetNose(nn.Module):
    """The mean of PointNet's vectors, from centred coordinates."""

    def __init__(self) -> None:
        super().__init__()
        self.network = PointNet(widths=(32, 64, 128), head=(64,), batch_norm=False)

    def forward(self, points: Tensor) -> Tensor:
        """Give a vector a cloud."""
        vectors: Tensor = self.network(_centred(points))
        return vectors.mean(1)


def load_aeroplanes(scale: Scale) -> Aeroplanes:
    """Load ShapeNet's aeroplanes, or simulate some at quick scale."""
    if scale == "quick":
        simulated = torch.from_numpy(simulated_aeroplanes(64, 128, np.random.default_rng(0)))
        return Aeroplanes(simulated, torch.tensor([0.0, 0.0, -1.0]), "simulated aeroplanes", "none needed")
    if scale == "desktop":
        clouds, source = shapenet_planes(), SAMPLE
    else:
        whole = shapenet_planes_whole("train") + shapenet_planes_whole("test")
        rng = np.random.default_rng(0)
        clouds = np.stack([cloud[rng.choice(len(cloud), POINTS_KEPT, replace=False)] for cloud in whole])
        source = WHOLE
    return Aeroplanes(torch.from_numpy(clouds), torch.tensor([1.0, 0.0, 0.0]), source.title, source.licence)


def measure_aeroplanes(trial: Trial, size: Size, data: Aeroplanes) -> Iterator[Measurement]:
    """Train each network with the same aeroplanes, then ask about the others in the same pose and in any."""
    generator = torch.Generator().manual_seed(trial.seed)
    order = torch.randperm(len(data.clouds), generator=generator)
    tests = round(TEST_SHARE * len(order))
    seen, unseen = STRETCH * data.clouds[order[tests:]], STRETCH * data.clouds[order[:tests]]
    points = _drawn(unseen, size.points, generator).to(trial.device)
    turn = random_rotations(3, tests, generator).to(trial.device)
    ponita = partial(PonitaNose, **size.plane_network, **size.grid)
    arms: list[tuple[str, Callable[[], nn.Module], str, bool]] = [
        ("PONITA", ponita, "aeroplanes", False),
        ("PONITA, poses as given", partial(ponita, random_pose=False), "aeroplanes", False),
        ("EGNN", EgnnNose, "EGNN, aeroplanes", False),
        ("PointNet + rotations", PointNetNose, "PointNet", True),
    ]
    for arm, make, rate, rotate in arms:
        model = _trained(make, seen, data.nose, trial, size, size.lr[rate], rotate)
        nose = data.nose.to(trial.device)
        with torch.no_grad():
            same, turned = model(points), model(points @ turn.mT)
        yield Measurement(arm, NOSE, float(_angles(turned, turn @ nose).mean()))
        yield Measurement(arm, "nose error in the training pose", float(_angles(same, nose).mean()))
        yield Measurement(arm, POSE, float(_angles(turned, (turn @ same[..., None])[..., 0]).mean()))


def _trained(
    make: Callable[[], nn.Module], seen: Tensor, nose: Tensor, trial: Trial, size: Size, lr: float, rotate: bool
) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        model = make().to(trial.device)

    def loss(model: nn.Module, clouds: Tensor) -> Tensor:
        points, target = _drawn(clouds, size.points), nose.to(clouds).expand(len(clouds), 3)
        if rotate:
            turn = random_rotations(3, len(clouds), torch.default_generator, device=clouds.device)
            points, target = points @ turn.mT, turn @ nose.to(clouds)
        return 1 - nn.functional.cosine_similarity(model(points), target).mean()

    train(
        model,
        loss,
        seen,
        epochs=size.plane_epochs,
        batch_size=PLANE_BATCH,
        drop_last=True,
        optimizer=partial(torch.optim.Adam, lr=lr),
        schedule="cosine",
        warmup=size.plane_epochs * (len(seen) // PLANE_BATCH) // 10,
        clip=CLIP,
        seed=trial.seed,
        device=trial.device,
    )
    return model.eval()


def _drawn(clouds: Tensor, points: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw points of each cloud, with repetition."""
    chosen = torch.randint(clouds.shape[1], (len(clouds), points), generator=generator).to(clouds.device)
    return clouds.gather(1, chosen[..., None].expand(-1, -1, 3))


def _centred(points: Tensor) -> Tensor:
    return points - points.mean(1, keepdim=True)


def _angles(vectors: Tensor, target: Tensor) -> Tensor:
    """Degrees between vectors; 90 for a vector of length zero, which points nowhere."""
    cosine = nn.functional.cosine_similarity(vectors, target.expand_as(vectors))
    return cosine.clamp(-1, 1).arccos().rad2deg()
