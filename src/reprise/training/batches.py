"""The batches of an epoch: tensors in memory are sliced, data sets and loaders go through torch's `DataLoader`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SHARE_OF_MEMORY = 0.25
"""Tensors that fill at most this share of an accelerator's free memory are kept there whole."""

Data = Tensor | Sequence[Tensor] | Dataset[Any] | DataLoader[Any]


class Order:
    """The indices of one epoch's batches after another, shuffled; each process takes its share of every batch.

    With `processes` above one, the last batch is cut to a multiple of it, so that all processes take as many steps
    on as many samples, and their mean gradient is that of the whole batch.
    """

    def __init__(self, samples: int, batch_size: int, *, drop_last: bool, seed: int, rank: int, processes: int):
        if batch_size % processes:
            raise InvalidInputError(f"batch_size is {batch_size}; a multiple of the {processes} processes is expected.")
        self.samples, self.batch_size, self.rank, self.processes = samples, batch_size, rank, processes
        self.generator = torch.Generator().manual_seed(seed)
        rest = samples % batch_size
        self.last = 0 if drop_last else rest - rest % processes
        if len(self) == 0:
            raise InvalidInputError(
                f"{samples} samples make no batch of {batch_size}"
                + (" with drop_last." if drop_last else f" that {processes} processes can share.")
            )

    def __len__(self) -> int:
        return self.samples // self.batch_size + (self.last > 0)

    def indices(self) -> Iterator[Tensor]:
        """Shuffle, and give the indices batch by batch."""
        shuffled = torch.randperm(self.samples, generator=self.generator)
        for batch in shuffled[: self.samples // self.batch_size * self.batch_size + self.last].split(self.batch_size):
            yield batch[self.rank :: self.processes]

    def __iter__(self) -> Iterator[list[int]]:
        """Do the same in plain numbers: what `DataLoader` expects of a `batch_sampler`."""
        for batch in self.indices():
            yield batch.tolist()


class TensorBatches:
    """Batches cut from tensors in memory."""

    def __init__(self, tensors: Sequence[Tensor], order: Order, *, single: bool, fabric: Fabric):
        self.order, self.single, self.fabric = order, single, fabric
        self.generators = [order.generator]
        self.steps: int | None = len(order)
        self.checksum = zlib.crc32(repr([(t.shape, t.dtype) for t in tensors]).encode())
        self.home = fabric.device if _fits(tensors, fabric.device) else torch.device("cpu")
        self.tensors = tuple(t.to(self.home) for t in tensors)

    def fingerprint(self) -> int:
        """Give a checksum of shapes, types and contents."""
        checksum = self.checksum
        for tensor in self.tensors:
            contents = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
            checksum = zlib.crc32(contents.numpy().data, checksum)
        return checksum

    def epoch(self, number: int) -> Iterator[Any]:
        """Give the batches of one epoch, on the device."""
        for indices in self.order.indices():
            rows = indices.to(self.home)
            batch = tuple([tensor.index_select(0, rows) for tensor in self.tensors])
            if self.home != self.fabric.device:
                batch = self.fabric.to_device(batch)
            yield batch[0] if self.single else batch


class LoaderBatches:
    """Batches that a `DataLoader` makes."""

    def __init__(self, loader: DataLoader[Any], fabric: Fabric, *, shared: bool):
        if fabric.world_size > 1 and not shared:
            loader = fabric.setup_dataloaders(loader, move_to_device=False)  # type: ignore[assignment]
        self.loader, self.fabric = loader, fabric
        holders = (loader, loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None))
        found = (getattr(holder, "generator", None) for holder in holders)
        self.generators = list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())
        try:
            self.steps: int | None = len(loader)
        except TypeError:  # the data set is iterable, without a length
            self.steps = None
        if self.steps == 0:
            raise InvalidInputError("The data gives no batch: it is empty, or smaller than a batch with drop_last.")

    def fingerprint(self) -> int | None:
        """Give the number of batches: contents are not read twice."""
        return self.steps

    def epoch(self, number: int) -> Iterator[Any]:
        """Give the batches of one epoch, on the device."""
        if hasattr(self.loader, "_num_iter_calls"):
            self.loader._num_iter_calls = number  # Fabric's loader seeds the distributed sampler by this count
        for batch in self.loader:
            yield self.fabric.to_device(batch)


Batches = TensorBatches | LoaderBatches


def make_batches(data: Data, fabric: Fabric, *, batch_size: int, drop_last: bool, seed: int) -> Batches:
    """Make the batches of `data` that this process works on."""
    if isinstance(data, DataLoader):
        return LoaderBatches(data, fabric, shared=False)
    single = isinstance(data, Tensor)
    if isinstance(data, TensorDataset):
        data = data.tensors
    elif single:
        data = (data,)  # type: ignore[assignment]

    def order(samples: int) -> Order:
        rank, processes = fabric.global_rank, fabric.world_size
        return Order(samples, batch_size, drop_last=drop_last, seed=seed, rank=rank, processes=processes)

    if isinstance(data, (tuple, list)):
        return TensorBatches(data, order(_count(data)), single=single, fabric=fabric)
    if isinstance(data, IterableDataset):
        loader: DataLoader[Any] = DataLoader(data, batch_size, drop_last=drop_last)
        return LoaderBatches(loader, fabric, shared=False)
    if isinstance(data, Dataset):
        samples = len(data)  # type: ignore[arg-type]
        if samples == 0:
            raise InvalidInputError("The data set is empty; at least one sample is expected.")
        return LoaderBatches(DataLoader(data, batch_sampler=order(samples)), fabric, shared=True)
    raise InvalidInputError(
        f"data is of type {type(data).__name__}; torch tensors of equal length, a Dataset or a DataLoader is expected."
    )


def _count(tensors: Sequence[Tensor]) -> int:
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise InvalidInputError(
                f"data holds a {type(tensor).__name__} where a torch tensor is expected (torch.from_numpy makes one "
                "of an array; lists of samples go through a Dataset)."
            )
        if tensor.ndim == 0:
            raise InvalidInputError("data holds a tensor without dimensions; the first one must be the samples.")
    lengths = [len(tensor) for tensor in tensors]
    if not lengths or lengths[0] == 0:
        raise InvalidInputError("data is empty; at least one sample is expected.")
    if len(set(lengths)) > 1:
        raise InvalidInputError(f"The tensors of data have {lengths} rows; equal numbers are expected.")
    return lengths[0]


def _fits(tensors: Sequence[Tensor], device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return sum(t.numel() * t.element_size() for t in tensors) <= SHARE_OF_MEMORY * free
