"""Reading and editing what flows between the modules of any PyTorch network, by hooks.

`capture` keeps what chosen modules read or wrote during the forward passes of a ``with`` block, `edit` changes it on
the way, and `collect` streams a whole data set through a network and keeps what was asked for. The network itself is
never touched: every hook is removed when the block ends, also when it ends in an exception.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn

from reprise.errors import InvalidInputError, UnknownNameError

Site = Literal["input", "output"]
Transform = Callable[[Tensor], Tensor]
Key = TypeVar("Key", bound=Hashable)


@contextmanager
def capture(
    modules: Mapping[Key, nn.Module], *, site: Site = "output", keep: Transform | None = None
) -> Iterator[dict[Key, Tensor]]:
    """Keep what `modules` read or write during the forward passes of the block.

    Parameters
    ----------
    modules : the modules to watch, under the keys that the result will have.
    site : ``"output"`` for what a module returns, ``"input"`` for what it receives. Of several tensors the first
        counts, which in transformers is the hidden state.
    keep : applied at once to each tensor, so that only what is needed stays in memory: ``lambda h: h[:, -1]`` keeps
        the last position, ``lambda h: h.flatten(1)`` flattens feature maps. By default the whole tensor is kept. The
        autograd graph is kept too, unless the forward pass runs under `torch.no_grad`.

    Yields
    ------
    A dictionary that fills while the network runs; a module that runs twice leaves its last tensor.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    >>> with capture({"hidden": network[1]}) as seen:
    ...     output = network(torch.ones(4, 3))
    >>> seen["hidden"].shape
    torch.Size([4, 5])
    """
    _check_site(site)
    seen: dict[Key, Tensor] = {}

    def watch(key: Key) -> Callable[[Tensor], None]:
        def look(tensor: Tensor) -> None:
            seen[key] = tensor if keep is None else keep(tensor)

        return look

    with ExitStack() as hooks:
        for key, module in modules.items():
            hooks.enter_context(edit(module, watch(key), site=site))
        yield seen


@contextmanager
def edit(module: nn.Module, function: Callable[[Tensor], Tensor | None], *, site: Site = "output") -> Iterator[None]:
    """Replace what `module` reads or writes by ``function`` of it, within the block.

    Parameters
    ----------
    module : whose input or output is edited.
    function : receives the first tensor of the module's input or output and returns its replacement, or None to leave
        it. It must not change the tensor in place.
    site : ``"output"`` or ``"input"``.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> layer = nn.Linear(2, 2)
    >>> with edit(layer, torch.zeros_like):
    ...     layer(torch.ones(1, 2))
    tensor([[0., 0.]]...)
    """
    _check_site(site)

    def on_input(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        new = function(_first_tensor(args, kwargs))
        return None if new is None else _with_first_tensor(args, kwargs, new)

    def on_output(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        new = function(_first_tensor(*_split(output)))
        return None if new is None else _rebuilt(output, new)

    if site == "input":
        handle = module.register_forward_pre_hook(on_input, with_kwargs=True)
    else:
        handle = module.register_forward_hook(on_output)
    try:
        yield
    finally:
        handle.remove()


def collect(
    model: nn.Module,
    batches: Iterable[Any],
    modules: Sequence[str] | Mapping[str, nn.Module],
    *,
    site: Site = "output",
    keep: Transform | None = None,
    to: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Stream `batches` through `model` and keep what `modules` read or wrote, one row a sample.

    The model runs in evaluation mode and without gradients, and is given back in the mode that it came in. Memory is
    one batch of activations plus what `keep` leaves of all batches.

    Parameters
    ----------
    model : any network.
    batches : what the model is called with, one item a call: a tensor, a tuple of positional arguments, or a mapping
        of keyword arguments.
    modules : names as `model.named_modules` gives them, or modules under names of your own.
    site, keep : as for `capture`.
    to : the device that holds the result.

    Returns
    -------
    dict[str, Tensor]
        For each name the tensors of all batches, joined along their first axis.

    Raises
    ------
    UnknownNameError
        If the model has no module of a given name.
    InvalidInputError
        If there is no batch, or if a module did not run.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    >>> features = collect(network, torch.ones(10, 3).split(4), ["1"])
    >>> features["1"].shape
    torch.Size([10, 5])
    """
    watched = dict(modules) if isinstance(modules, Mapping) else _named(model, modules)
    rows: dict[str, list[Tensor]] = {name: [] for name in watched}
    training = model.training
    model.eval()
    try:
        for batch in batches:
            with torch.no_grad(), capture(watched, site=site, keep=keep) as seen:
                _call(model, batch)
            if missing := [name for name in watched if name not in seen]:
                raise InvalidInputError(f"The model's forward pass does not run the module {missing[0]!r}.")
            for name, tensor in seen.items():
                # Without the copy a narrow view would keep its whole batch alive.
                rows[name].append(tensor.to(to, copy=True))
    finally:
        model.train(training)
    if not all(rows.values()):
        raise InvalidInputError("There are no batches to collect activations from; at least one is expected.")
    return {name: torch.cat(tensors) for name, tensors in rows.items()}


def _named(model: nn.Module, names: Sequence[str]) -> dict[str, nn.Module]:
    if isinstance(names, str):
        raise InvalidInputError(f"`modules` is a list of names or a mapping; the single string {names!r} was given.")
    known = dict(model.named_modules())
    for name in names:
        if name not in known:
            raise UnknownNameError("module", name, known)
    return {name: known[name] for name in names}


def _call(model: nn.Module, batch: Any) -> None:
    if isinstance(batch, Mapping):
        model(**batch)
    elif isinstance(batch, tuple | list):
        model(*batch)
    else:
        model(batch)


def _split(output: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """View a module's output as positional and named values."""
    if isinstance(output, Mapping):
        return (), output
    return (output if isinstance(output, tuple | list) else (output,)), {}


def _rebuilt(output: Any, new: Tensor) -> Any:
    if isinstance(output, Mapping):
        changed = copy.copy(output)
        changed[_tensor_name(output)] = new  # type: ignore[index]
        return changed
    if not isinstance(output, tuple | list):
        return new
    values, _ = _with_first_tensor(output, {}, new)
    return type(output)._make(values) if hasattr(output, "_make") else type(output)(values)


def _first_tensor(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    for value in args:
        if isinstance(value, Tensor):
            return value
    return kwargs[_tensor_name(kwargs)]


def _with_first_tensor(
    args: Sequence[Any], kwargs: Mapping[str, Any], new: Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for index, value in enumerate(args):
        if isinstance(value, Tensor):
            return (*args[:index], new, *args[index + 1 :]), dict(kwargs)
    return tuple(args), {**kwargs, _tensor_name(kwargs): new}


def _tensor_name(values: Mapping[str, Any]) -> str:
    """Name the hidden state among keyword arguments: transformers calls it so; elsewhere it comes first."""
    if isinstance(values.get("hidden_states"), Tensor):
        return "hidden_states"
    for name, value in values.items():
        if isinstance(value, Tensor):
            return name
    raise InvalidInputError("A watched module takes or gives no tensor; choose a module that does.")


def _check_site(site: str) -> None:
    if site not in get_args(Site):
        raise InvalidInputError(f"`site` is 'input' or 'output'; {site!r} was given.")
