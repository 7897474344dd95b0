"""Successor heads: attention heads that turn a word with a natural order into the next, Monday into Tuesday.

Find the words that are single tokens (`ordinal_lists`), score every head by its output circuit alone
(`succession_scores`), and see what the best head does in texts (`direct_attribution`, `head_ablation_effect`) and which
features of a word it goes by (`ModFeatures`, `IndexProjection`)::

    lm = LanguageModel.from_pretrained()
    lists = ordinal_lists(lm)
    result = succession_scores(lm, lists)
    (layer, head), *others = result.top(5)
    head_ablation_effect(lm, succession_prompts(lm, lists), [(layer, head)])

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024). Successor Heads: Recurring, Interpretable Attention Heads In The Wild.
ICLR. arXiv:2312.09230.
"""

from reprise.language.successor_heads.causal import (
    Continuation,
    direct_attribution,
    head_ablation_effect,
    largest_contributor_share,
    list_continuation,
    mean_head_outputs,
)
from reprise.language.successor_heads.circuits import effective_embeddings, head_writes, ov_logits
from reprise.language.successor_heads.compositionality import IndexProjection, swapping_test
from reprise.language.successor_heads.features import ModFeatures, remainder_profiles, steering_test
from reprise.language.successor_heads.lists import (
    DEFAULT_LISTS,
    OrdinalList,
    OrdinalLists,
    Ordinals,
    ordinal_lists,
)
from reprise.language.successor_heads.prompts import SuccessionPrompt, natural_successions, succession_prompts
from reprise.language.successor_heads.scores import SuccessionResult, succession_scores

__all__ = [
    "DEFAULT_LISTS",
    "Continuation",
    "IndexProjection",
    "ModFeatures",
    "OrdinalList",
    "OrdinalLists",
    "Ordinals",
    "SuccessionPrompt",
    "SuccessionResult",
    "direct_attribution",
    "effective_embeddings",
    "head_ablation_effect",
    "head_writes",
    "largest_contributor_share",
    "list_continuation",
    "mean_head_outputs",
    "natural_successions",
    "ordinal_lists",
    "ov_logits",
    "remainder_profiles",
    "steering_test",
    "succession_prompts",
    "succession_scores",
    "swapping_test",
]
