"""Papers in a tree of named topics, from broad fields to narrow ones, clustered and then named.

`ScienceHierarchy` builds the tree, `agent_lookup_eval` says how well papers are found in it; `incremental_taxonomy` and
`parallel_taxonomy` are the alternatives that a language model builds throughout (fLMSci).

References
----------
M. Gao, J. Shah, W. Wang, D. Khashabi, "Science Hierarchography: Hierarchical Organization of Science Literature", 2025,
arXiv 2504.13834.
"""

from reprise.discover.science_hierarchography.allocation import allocate_subclusters, auto_sizes
from reprise.discover.science_hierarchography.embedding import TfidfEncoder
from reprise.discover.science_hierarchography.estimator import ScienceHierarchy, fit_facets
from reprise.discover.science_hierarchography.facets import FACETS, chat_facets, facet_vectors, rhetorical_parts
from reprise.discover.science_hierarchography.flmsci import (
    LLMTaxonomy,
    extract_topics,
    incremental_taxonomy,
    parallel_taxonomy,
)
from reprise.discover.science_hierarchography.lookup import (
    ChatAgent,
    EmbeddingAgent,
    Lookup,
    agent_lookup_eval,
    query_of,
)
from reprise.discover.science_hierarchography.naming import ChatNamer
from reprise.discover.science_hierarchography.naming_tree import name_tree
from reprise.discover.science_hierarchography.pages import tree_html, tree_json, tree_markdown
from reprise.discover.science_hierarchography.papers import DuplicateTitleWarning, Paper, as_papers
from reprise.discover.science_hierarchography.phrases import KeyPhraseNamer, class_tfidf
from reprise.discover.science_hierarchography.sunburst import sunburst_svg
from reprise.discover.science_hierarchography.tree import Node, tree_from_labels

__all__ = [
    "FACETS",
    "ChatAgent",
    "ChatNamer",
    "DuplicateTitleWarning",
    "EmbeddingAgent",
    "KeyPhraseNamer",
    "LLMTaxonomy",
    "Lookup",
    "Node",
    "Paper",
    "ScienceHierarchy",
    "TfidfEncoder",
    "agent_lookup_eval",
    "allocate_subclusters",
    "as_papers",
    "auto_sizes",
    "chat_facets",
    "class_tfidf",
    "extract_topics",
    "facet_vectors",
    "fit_facets",
    "incremental_taxonomy",
    "name_tree",
    "parallel_taxonomy",
    "query_of",
    "rhetorical_parts",
    "sunburst_svg",
    "tree_from_labels",
    "tree_html",
    "tree_json",
    "tree_markdown",
]
