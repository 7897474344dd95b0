"""The model under inspection: loading it, what is said of it, how fast it runs here, and how it is told from others."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch

from reprise.errors import InvalidInputError, MissingDataError
from reprise.language import LanguageModel
from reprise.models.language import DEFAULT_MODEL, PACKAGED, import_transformers, load_language_model
from reprise.runner import environment
from reprise.workbench.inspection.contract import Work

DTYPES = ("float32", "bfloat16", "float16")
_TOKENIZER_FILES = ("tokenizer*", "vocab*", "*.model", "*.tiktoken")
_HUB_SECONDS = 10.0
_SAMPLED = 64  # values of each parameter that tell models apart
_PROMPTS, _TOKENS, _STEPS = 4, 96, 4  # what the speed is measured on


@dataclass(frozen=True)
class Subject:
    """A language model with its name and what a reader should know of it.

    Parameters
    ----------
    name : as the user gave it.
    model : the handle.
    facts : sizes and kinds, by name.
    identity : a hash of its configuration and weights, equal for equal models.
    """

    name: str
    model: LanguageModel
    facts: dict[str, str]
    identity: str


@dataclass(frozen=True)
class Speed:
    """How fast a model runs here: tokens read a second, and seconds to write one token."""

    read: float
    step: float

    def seconds(self, work: Work) -> float:
        """Turn work into seconds.

        >>> Speed(read=200.0, step=0.1).seconds(Work(read=400, steps=5, seconds=1.5))
        4.0
        """
        return work.read / self.read + work.steps * self.step + work.seconds


def load_subject(model: str | LanguageModel, *, device: str = "auto", dtype: str = "float32") -> Subject:
    """Load a packaged model, a folder or one of the hub's, or take a handle as it is.

    Raises
    ------
    MissingDataError
        If there is no such model.
    InvalidInputError
        If its files are no causal language model, or of an architecture that the handle does not know.
    """
    if isinstance(model, LanguageModel):
        kind = type(model.model).__name__
        return Subject(kind, model, _facts(kind, model), _identity(model))
    if dtype not in DTYPES:
        raise InvalidInputError(f"There is no dtype {dtype!r}; expected {', '.join(DTYPES)}.")
    where = environment.resolve_device(device)
    handle = _load(model, where, getattr(torch, dtype))
    title = PACKAGED[model].title if model in PACKAGED else model
    return Subject(model, handle, _facts(title, handle), _identity(handle))


def folder_name(name: str) -> str:
    """Give the name of a model's folder of results.

    >>> folder_name("HuggingFaceTB/SmolLM2-135M"), folder_name("../models/mine/"), folder_name("..")
    ('SmolLM2-135M', 'mine', 'model')
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "-", last).strip(".-") or "model"


def measure_speed(model: LanguageModel) -> Speed:
    """Let the model read and write a few tokens, twice, and tell how long the quicker time took (some seconds)."""
    length = min(_TOKENS, (model.context_length or _TOKENS) - _STEPS)
    ids = torch.arange(_PROMPTS * length).reshape(_PROMPTS, length) % model.vocabulary_size
    model.logits(ids[:1, :4], positions=-1)  # the first pass also brings the weights into memory
    read, step = [], []
    for _ in range(2):
        began = _now(model)
        decoding = model.decoding(ids)
        middle = _now(model)
        for _ in decoding.greedy(_STEPS, stop=()):
            pass
        read.append(middle - began)
        step.append(_now(model) - middle)
    return Speed(ids.numel() / max(min(read), 1e-6), max(min(step), 1e-6) / _STEPS)


def _load(name: str, device: str, dtype: torch.dtype) -> LanguageModel:
    if name not in PACKAGED and not Path(name).is_dir():
        _check_name(name)
    transformers = import_transformers()
    transformers.utils.logging.disable_progress_bar()  # a bar of our own is on the screen
    try:
        if Path(name).is_dir() and not any(any(Path(name).glob(pattern)) for pattern in _TOKENIZER_FILES):
            model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
            return LanguageModel(model.to(device))
        return LanguageModel(*load_language_model(name, device=device, dtype=dtype))
    except (InvalidInputError, MissingDataError):
        raise
    except (ValueError, KeyError, TypeError, RuntimeError, OSError) as problem:  # what transformers raises on odd files
        line = str(problem).strip().partition("\n")[0]
        raise InvalidInputError(
            f"{name!r} cannot be loaded as a causal language model; expected {DEFAULT_MODEL}, a folder in the form of "
            f"Hugging Face transformers, or a name on its hub ({type(problem).__name__}: {line})"
        ) from problem


def _check_name(name: str) -> None:
    """Find out that a name is wrong at once, and not after transformers has tried the hub many times."""
    import httpx
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

    near = get_close_matches(name.lower(), PACKAGED, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else f" Packaged: {', '.join(PACKAGED)}."
    nowhere = f"There is no language model {name!r}: it is neither packaged, nor a folder,"
    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
        HfApi().model_info(name, timeout=_HUB_SECONDS)
    except (RepositoryNotFoundError, HFValidationError) as problem:
        raise MissingDataError(f"{nowhere} nor on the Hugging Face hub.{hint}") from problem
    except (OfflineModeIsEnabled, OSError, httpx.HTTPError) as problem:
        raise MissingDataError(f"{nowhere} and the Hugging Face hub cannot be reached from here.{hint}") from problem


def _facts(title: str, model: LanguageModel) -> dict[str, str]:
    parameters = sum(parameter.numel() for parameter in model.model.parameters())
    context = "not limited" if model.context_length is None else f"{model.context_length:,} tokens"
    kept = str(next(model.model.parameters()).dtype).removeprefix("torch.")
    return {
        "model": title,
        "architecture": f"{type(model.model).__name__}, {parameters / 1e6:,.4g} million parameters",
        "size": f"{model.n_layers} layers of {model.n_heads} heads, width {model.d_model}",
        "vocabulary": f"{model.vocabulary_size:,} tokens",
        "context": context,
        "weights": f"{kept} on {model.device}",
    }


def _identity(model: LanguageModel) -> str:
    hashed = hashlib.sha256()
    config = {key: value for key, value in model.model.config.to_dict().items() if not key.startswith("_")}
    hashed.update(json.dumps(config, sort_keys=True, default=str).encode())
    for name, parameter in sorted(model.model.named_parameters()):
        flat = parameter.detach().flatten()
        sample = flat[:: max(1, flat.numel() // _SAMPLED)][:_SAMPLED].double().cpu()
        hashed.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}".encode())
        hashed.update(sample.numpy().tobytes())
    if model.has_tokenizer:
        hashed.update(f"{type(model.tokenizer).__name__} {len(model.tokenizer)}".encode())
    return hashed.hexdigest()[:16]


def _now(model: LanguageModel) -> float:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
    return time.perf_counter()
