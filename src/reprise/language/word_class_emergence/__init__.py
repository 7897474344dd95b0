"""Word classes in next-word prediction: whether a sequence model discovered a category by itself.

Train a small network to predict the tenth of ten words (`NextWordModel`, `train_next_word`), read its layers on windows
of unseen documents (`word_windows`, `NextWordModel.activations`), label each window by the class of the word to come,
which no one told the network, and see how well these classes separate in each layer (`gdv_profile`)::

    vocabulary = Vocabulary.of_documents(training_texts, size=4000)
    model = NextWordModel(len(vocabulary))
    train_next_word([vocabulary.encode(text) for text in training_texts], model)
    windows = word_windows([vocabulary.encode(text) for text in new_texts], new_tags)
    chosen = balanced_sample(windows.next_tag, per_class=200, words=windows.next_id, max_per_word=5)
    gdv_profile(model.activations(windows.ids[chosen]), windows.next_tag[chosen])

Any other model's activations go into `gdv_profile` as well, such as the residual streams of a
`reprise.language.LanguageModel`. `class_map` draws a layer in two dimensions.

References
----------
K. Surendra, A. Schilling, P. Stoewer, A. Maier and P. Krauss (2023). Word class representations spontaneously emerge in
a deep neural network trained on next word prediction. arXiv:2302.07588.
"""

from reprise.language.word_class_emergence.maps import class_map
from reprise.language.word_class_emergence.network import NextWordModel
from reprise.language.word_class_emergence.training import train_next_word
from reprise.language.word_class_emergence.windows import (
    Vocabulary,
    WordWindows,
    balanced_sample,
    matched_sample,
    word_windows,
)
from reprise.metrics.separability import gdv, gdv_profile

__all__ = [
    "NextWordModel",
    "Vocabulary",
    "WordWindows",
    "balanced_sample",
    "class_map",
    "gdv",
    "gdv_profile",
    "matched_sample",
    "train_next_word",
    "word_windows",
]
