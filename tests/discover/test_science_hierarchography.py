"""The tree and its parts: closed forms, properties of the levels, models that answer wrongly or with hostility."""

import json
import pickle
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

from reprise import catalogue
from reprise.discover.science_hierarchography import (
    ChatAgent,
    ChatNamer,
    DuplicateTitleWarning,
    EmbeddingAgent,
    KeyPhraseNamer,
    Node,
    Paper,
    ScienceHierarchy,
    TfidfEncoder,
    agent_lookup_eval,
    allocate_subclusters,
    as_papers,
    auto_sizes,
    chat_facets,
    class_tfidf,
    extract_topics,
    facet_vectors,
    fit_facets,
    incremental_taxonomy,
    name_tree,
    parallel_taxonomy,
    query_of,
    rhetorical_parts,
    sunburst_svg,
    tree_from_labels,
    tree_html,
    tree_json,
    tree_markdown,
)
from reprise.discover.science_hierarchography.answers import plain_line, read_object
from reprise.discover.science_hierarchography.splitting import split
from reprise.discover.science_hierarchography.tree import rename_apart
from reprise.errors import InvalidInputError
from reprise.models.chat import BoundedChat, ChatError

PAPERS = [{"title": paper.title, "abstract": paper.summary} for paper in catalogue.papers()]
HOSTILE = '</script><img src=x onerror=alert(1)>{"a": \u202e"}\' onload=x <b>& [x](javascript:1)\x00'


class Chat:
    """Answers by a function of the last message, and counts."""

    name = "fake"

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def complete(self, messages, *, max_tokens=300):
        self.asked.append(messages)
        return self.answer(messages[-1]["content"])


def named(text):
    return Chat(
        lambda prompt: json.dumps({"Cluster Name": f"{text} {abs(hash(prompt)) % 1000}", "Cluster Summary": "s"})
    )


def blobs(n=60, d=5, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) + np.repeat(np.eye(d)[:3] * 20, n // 3, axis=0)


def texts(n):
    return [Paper(f"Paper {i}", f"Words about subject{i % 3} and detail{i}.") for i in range(n)]


@pytest.fixture(scope="module")
def fitted():
    return ScienceHierarchy([12, 4], embedder="tfidf").fit(PAPERS)


# Allocation and sizes


@pytest.mark.parametrize(
    ("sizes", "total", "expected"),
    [([60, 30, 10], 10, [5, 3, 2]), ([60, 30, 10], 2, [1, 1, 1]), ([5, 1, 1], 7, [5, 1, 1]), ([2, 2], 9, [2, 2])],
)
def test_clusters_are_shared_out_by_papers(sizes, total, expected):
    assert allocate_subclusters(sizes, total) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 300))
def test_allocation_gives_all_clusters_and_no_parent_more_than_it_has(sizes, total):
    given_ = allocate_subclusters(sizes, total)
    assert sum(given_) == max(len(sizes), min(total, sum(sizes)))
    assert all(1 <= a <= n for a, n in zip(given_, sizes, strict=True))


def test_automatic_sizes_follow_the_papers():
    assert auto_sizes(2_000) == [276, 40, 6]
    assert all(auto_sizes(n)[-1] <= 8 and auto_sizes(n)[0] <= n for n in (1, 2, 9, 500, 100_000))


# Levels


@pytest.mark.parametrize("direction", ["top_down", "bottom_up", "bidirectional"])
@pytest.mark.parametrize("clusterer", ["kmeans", "ward"])
def test_every_paper_is_in_one_node_a_level_and_children_part_their_parent(direction, clusterer):
    X = blobs()
    model = ScienceHierarchy([15, 7, 3], direction=direction, clusterer=clusterer, embedder=lambda t: X[: len(t)])
    model.fit(texts(60), embeddings=X)
    assert [len(model.tree_.at(level)) for level in (1, 2, 3)] == [3, 7, 15]
    assert model.labels_.shape == (60, 3)
    assert (model.labels_ >= 0).all()
    for node in model.tree_.walk():
        below = [paper for child in node.children for paper in child.papers]
        assert not below or sorted(below) == node.papers
    assert len({node.id for node in model.tree_.walk()}) == 26
    assert adjusted_rand_score(np.repeat(range(3), 20), model.labels_[:, 0]) == 1 or direction == "bottom_up"


def test_small_and_repeated_papers_pass_through():
    X = np.zeros((6, 2))
    X[3:] = 1.0
    model = ScienceHierarchy([5, 2], embedder="tfidf").fit(texts(6), embeddings=X)
    assert len(model.tree_.at(1)) == 2
    one = ScienceHierarchy(embedder="tfidf").fit(["A single paper about trees."])
    assert one.labels_.tolist() == [[1]]


def test_tree_depends_on_the_seed_alone_and_survives_pickling_and_cloning(fitted):
    again = clone(fitted).fit(PAPERS)
    assert again.tree_.to_dict() == fitted.tree_.to_dict()
    restored = pickle.loads(pickle.dumps(fitted))
    assert restored.to_json() == fitted.to_json()
    assert [node.id for node in restored.find("graph neural networks")] == [
        node.id for node in fitted.find("graph neural networks")
    ]


def test_order_of_papers_does_not_matter_to_ward():
    X = np.random.default_rng(0).standard_normal((40, 4))
    order = np.random.default_rng(1).permutation(40)
    first, second = (
        ScienceHierarchy([8, 3], clusterer="ward", embedder="tfidf").fit(
            [texts(40)[i] for i in rows], embeddings=X[rows]
        )
        for rows in (np.arange(40), order)
    )
    for level in range(2):
        assert adjusted_rand_score(first.labels_[order, level], second.labels_[:, level]) == 1
    assert {node.name for node in first.tree_.walk()} == {node.name for node in second.tree_.walk()}


def test_spectral_clusterer_and_the_batched_path_part_what_lies_apart(monkeypatch):
    X, truth = blobs(), np.repeat(range(3), 20)
    assert adjusted_rand_score(truth, split(X, 3, "spectral")) == 1
    monkeypatch.setattr("reprise.discover.science_hierarchography.splitting.BATCHED", 1)
    assert adjusted_rand_score(truth, split(X, 3)) == 1


def test_real_papers_are_grouped_by_family_better_than_at_random():
    families = [paper.family for paper in catalogue.papers()]
    found = ScienceHierarchy([10], embedder="tfidf").fit(PAPERS).labels_[:, 0]
    rng = np.random.default_rng(0)
    assert adjusted_rand_score(families, found) > max(
        adjusted_rand_score(families, rng.permutation(found)) for _ in range(50)
    )


# Key phrases


def test_class_tfidf_is_its_formula_and_bertopics_up_to_the_classes_sums():
    assert class_tfidf([[3, 7], [0, 10]]).toarray()[0, 0] == pytest.approx(3 * np.log(1 + 10 / 3))
    counts = np.random.default_rng(0).integers(0, 5, (4, 9)) + np.eye(4, 9, dtype=int)
    mean = counts.sum() / 4
    expected = counts * np.log(1 + mean / counts.sum(axis=0))
    np.testing.assert_allclose(class_tfidf(counts).toarray(), expected, rtol=1e-12)


def test_names_tell_siblings_apart_and_do_not_repeat_themselves(fitted):
    for siblings in fitted.tree_.families():
        names = [node.name.casefold() for node in siblings]
        assert len(set(names)) == len(names)
        assert all(node.named_by == "key phrases" and node.summary for node in siblings)
    assert rename_apart(["A", "a", "A"]) == ["A", "a (2)", "A (3)"]


def test_papers_without_words_still_get_names():
    nodes = [Node(1, 1, [0]), Node(2, 1, [1])]
    KeyPhraseNamer([Paper("", "?!"), Paper("", "12 34")])(nodes)
    assert [node.name for node in nodes] == ["Topic 1", "Topic 2"]


# Facets


def test_cue_words_sort_sentences():
    parts = rhetorical_parts(
        "Trees are everywhere. However, growing them remains a challenge. We propose a new method. "
        "It outperforms the others by 5%."
    )
    assert parts["problem"].endswith("a challenge.")
    assert parts["solution"] == "We propose a new method."
    assert parts["results"] == "It outperforms the others by 5%."
    assert sum(len(text.split()) for text in parts.values()) == 20


def test_facet_vectors_are_joined_and_of_length_one():
    facets = {"problem": {"research question/goal": "aa"}, "results": {"findings/results": "b"}}
    papers = [Paper("T", "", facets), Paper("U", "", {"problem": {"research question/goal": "a"}})]
    vectors = facet_vectors(papers, "all", lambda t: [[s.count("a"), s.count("b")] for s in t])
    assert vectors.shape == (2, 22)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.count_nonzero(vectors, axis=1).tolist() == [2, 1]
    one = facet_vectors(papers, "results.findings/results", lambda t: [[s.count("b")] for s in t])
    assert one.tolist() == [[1], [0]]
    with pytest.raises(InvalidInputError, match="1 have facets"):
        facet_vectors([papers[0], Paper("V")], "all", lambda t: [[1.0] for _ in t])
    with pytest.raises(InvalidInputError, match="have no facets"):
        facet_vectors([Paper("V")], "results.findings/results", lambda t: [[1.0] for _ in t])


def test_a_paper_without_the_part_is_read_whole_and_not_a_zero_vector():
    papers = [Paper("Trees", "We propose trees."), Paper("Cards", "However, cards tear.")]
    vectors = facet_vectors(papers, "problem", lambda t: [[1.0, len(s)] for s in t])
    assert (np.linalg.norm(vectors, axis=1) > 0.99).all()


def test_facets_are_read_by_a_model_or_by_cues_where_it_fails():
    chat = Chat(lambda prompt: '{"problem": {"research question/goal": "Why?", "x": [1]}}' if "P0" in prompt else "no")
    papers, by_cues = chat_facets([Paper("P0", "A."), Paper("P1", "We propose trees.")], chat)
    assert papers[0].facets["problem"]["research question/goal"] == "Why?"
    assert papers[1].facets["solution"] == {"solution approach": "We propose trees."}
    assert by_cues == 1
    assert len(chat.asked) == 1 + 3


def test_trees_of_facets_differ():
    trees = fit_facets(PAPERS, ("problem", "solution"), cluster_sizes=[8], embedder="tfidf")
    assert adjusted_rand_score(trees["problem"].labels_[:, 0], trees["solution"].labels_[:, 0]) < 0.5


# Language models


def test_one_call_a_cluster_and_bounds_are_kept():
    chat = named("A topic of five words")
    model = ScienceHierarchy([12, 4], embedder="tfidf", namer=chat).fit(PAPERS)
    assert len(chat.asked) == model.usage_["calls"] == model.usage_["planned"] == 16
    assert all(node.named_by == "fake" for node in model.tree_.walk() if node.level)
    few = ScienceHierarchy([12, 4], embedder="tfidf", namer=named("x"), max_calls=5).fit(PAPERS)
    by = [node.named_by for node in few.tree_.walk() if node.level]
    assert by.count("fake") == few.usage_["calls"] == 5
    assert by.count("key phrases (the calls allowed were spent)") == 11
    assert all(node.name for node in few.tree_.walk() if node.level)


@pytest.mark.parametrize("direction", ["bottom_up", "bidirectional"])
def test_from_below_each_cluster_is_named_once_and_topics_from_their_parts(direction):
    def answer(prompt):
        return json.dumps({"Cluster Name": " ".join(prompt.partition("\n\n")[2].split()[:9]), "Cluster Summary": "s"})

    chat = Chat(answer)
    model = ScienceHierarchy([12, 4, 2], direction=direction, embedder="tfidf", namer=chat).fit(PAPERS)
    assert len(model.tree_.at(2)) == 4
    assert {node.named_by for node in model.tree_.walk() if node.level} == {"fake"}
    # A topic of a single part takes its name.
    assert 12 + 4 <= len(chat.asked) <= 18
    from_parts = sum("Below are topics" in messages[0]["content"] for messages in chat.asked)
    assert 4 <= from_parts <= len(chat.asked) - 12


@pytest.mark.parametrize(
    "answer",
    [
        "no json",
        '{"Cluster Name": ""}',
        '{"Cluster Name": 5}',
        "[" * 50_000,
        "{" * 20_000,
        '{"a":' * 900 + "1" + "}" * 900,
    ],
)
def test_broken_answers_end_in_key_phrases_after_three_tries(answer):
    chat = Chat(lambda prompt: answer)
    model = ScienceHierarchy([3], embedder="tfidf", namer=chat).fit(PAPERS)
    assert len(chat.asked) == 9
    for node in model.tree_.children:
        assert node.name
        assert node.named_by == "key phrases (no usable answer)"


def test_an_interrupted_fit_goes_on_where_it_stopped(tmp_path):
    calls = []

    def stops(prompt):
        calls.append(prompt)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return '{"Cluster Name": "some topic or other", "Cluster Summary": ""}'

    model = ScienceHierarchy([12, 4], embedder="tfidf", namer=Chat(stops), cache=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        model.fit(PAPERS)
    model.fit(PAPERS)
    assert (model.usage_["cached"], model.usage_["calls"]) == (9, 7)


def test_a_dead_endpoint_costs_little_and_leaves_a_tree():
    class Dead:
        name, calls = "dead", 0

        def complete(self, messages, *, max_tokens=300):
            self.calls += 1
            raise ChatError("late", passing=True)

    dead = Dead()
    chat = BoundedChat(dead, retries=1, sleep=lambda seconds: None)
    model = ScienceHierarchy([12, 4], embedder="tfidf", namer=chat).fit(PAPERS)
    assert dead.calls == 6
    assert {node.named_by for node in model.tree_.walk() if node.level} == {"key phrases (no usable answer)"}


def test_long_topics_are_cut_to_what_fits():
    chat = named("x")
    papers = [Paper(f"T{i}", "word " * 500) for i in range(30)]
    ChatNamer(chat, papers, context=1_500)([Node(1, 1, list(range(30)))])
    assert len(chat.asked[0][0]["content"]) < 4 * 1_500 + 800
    assert "T0" in chat.asked[0][0]["content"]


# Pages


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_hostile_names_and_titles_stay_text():
    chat = Chat(lambda prompt: json.dumps({"Cluster Name": HOSTILE, "Cluster Summary": HOSTILE}))
    papers = [Paper(HOSTILE, f"trees {i}") for i in range(4)]
    with pytest.warns(DuplicateTitleWarning, match="3 of 4"):
        model = ScienceHierarchy([2], embedder="tfidf", namer=chat).fit(papers, embeddings=[[0], [0], [1], [1]])
    page = model.to_html(title=HOSTILE, links=["javascript:alert(1)", "https://e.org/?a=1&b='\"", "", "HTTPS://x"])
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "b"} & tags.found
    assert not {"onerror", "onload"} & tags.attributes
    assert page.count("<a href=") == 2
    assert "javascript:1" not in re.sub(r"\[x\]\(javascript:1\)", "", page)
    assert "\u202e" not in model.tree_.children[0].name
    assert json.loads(model.to_json())["titles"][0] == HOSTILE
    assert "<img" not in model.to_markdown().replace(r"\<", "")
    ET.fromstring(model.to_svg())
    assert model.tree_.children[1].name.endswith("(2)")


def test_pages_show_every_topic_and_paper(fitted):
    page, mark = fitted.to_html(), fitted.to_markdown()
    assert page.count("<details") == page.count("</details>") == 16
    assert page.count("<li>") == 78
    assert len(mark.splitlines()) == 16 + 78
    assert Node.from_dict(json.loads(fitted.to_json())["tree"]).to_dict() == fitted.tree_.to_dict()
    drawn = ET.fromstring(sunburst_svg(fitted.tree_))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}path")) == 16
    with pytest.raises(InvalidInputError, match="no tree"):
        Node.from_dict({"id": 0})
    assert tree_html(fitted.tree_, fitted.papers_).startswith("<!doctype html>")
    assert tree_json(fitted.tree_, fitted.papers_) == fitted.to_json()
    assert tree_markdown(fitted.tree_, fitted.papers_) == mark


@pytest.mark.parametrize("answer", ["{", "}{", '{"a": NaN', "[1]", "{'a': 1}", ""])
def test_what_is_no_object_reads_as_none(answer):
    assert read_object(answer) is None


def test_lines_lose_control_marks_and_length():
    assert plain_line("a\x00b\u2028c\u200bd", 10) == "ab cd"


# Looking up


class Oracle:
    def __init__(self, tree, papers):
        paths = tree.paths()
        self.leaf = {query_of(p.title, p.abstract): paths[i][0][-1] for i, p in enumerate(papers)}

    def scores(self, query, path, children):
        leaf = self.leaf[query]
        return np.array([float(set(leaf.papers) <= set(child.papers)) for child in children])


class First:
    def scores(self, query, path, children):
        return -np.arange(len(children), dtype=float)


class Nobody:
    def scores(self, query, path, children):
        return None


def test_an_oracle_finds_everything_and_the_first_child_its_share(fitted):
    papers = fitted.papers_
    found = agent_lookup_eval(fitted.tree_, papers, Oracle(fitted.tree_, papers))
    assert (found.strict, found.node_match, found.invalid, found.papers) == (1.0, 1.0, 0.0, 78)
    assert found.levelwise == (1.0, 1.0)
    node = fitted.tree_
    while node.children:
        node = node.children[0]
    assert agent_lookup_eval(fitted.tree_, papers, First()).strict == pytest.approx(len(node.papers) / 78)
    nobody = agent_lookup_eval(fitted.tree_, papers, Nobody(), n=10)
    assert (nobody.strict, nobody.invalid, nobody.papers) == (0.0, 1.0, 10)


def test_nodes_of_one_name_are_told_apart():
    tree = tree_from_labels([[0, 0], [0, 1], [1, 2], [1, 3]])
    for node in tree.walk():
        node.name = "same"
    found = agent_lookup_eval(tree, texts(4), First())
    assert (found.strict, found.node_match, found.levelwise) == (0.25, 0.375, (0.5, 0.25))
    assert found.chance == 0.25


def test_embedding_agent_beats_chance_on_real_papers_and_a_beam_can_find_more(fitted):
    encoder = TfidfEncoder([paper.text for paper in fitted.papers_])
    found = agent_lookup_eval(fitted.tree_, fitted.papers_, EmbeddingAgent(encoder))
    assert found.strict > 4 * found.chance
    wide = [fitted.find(paper.text, beam=4)[-1].papers for paper in fitted.papers_[:20]]
    narrow = [fitted.find(paper.text)[-1].papers for paper in fitted.papers_[:20]]
    assert sum(i in rows for i, rows in enumerate(wide)) >= sum(i in rows for i, rows in enumerate(narrow)) - 2


def test_a_model_looks_up_by_exact_names_and_questions_may_be_asked():
    tree = tree_from_labels([[0], [1]])
    tree.children[0].name, tree.children[1].name = "wings", "cards"
    chat = Chat(lambda prompt: "Topic: cards" if "catalogue" in prompt else "Topic: Cards or so")
    queries = {1: "Where is the catalogue?", 0: "Which wing?"}
    found = agent_lookup_eval(tree, texts(2), ChatAgent(chat), queries=queries)
    assert (found.strict, found.invalid) == (0.5, 0.5)
    hierarchy = ScienceHierarchy([2], embedder="tfidf", namer=named("topic")).fit(texts(6))
    assert hierarchy.find("subject0", agent="llm") == [] or hierarchy.find("subject0", agent="llm")[-1].level == 1


# fLMSci


def test_incremental_topics_walk_and_each_action_does_its_own():
    seed = {"Science": {"Physics": {"Waves": {}, "Heat": {}}}}
    steps = {
        "Sound": ["go_down Science", "go_down Physics", "go_down Waves", "add_sibling"],
        "Oscillation": ["go_down Science", "go_down Physics", "make_parent"],
        "Junk": ["go_down Science", "go_down Physics", "discard"],
        "Lost": ["go_down Nowhere"],
        "Early": ["add_sibling"],
    }

    def answer(prompt):
        topic = json.loads(re.search(r"^Topic: (.*)$", prompt, re.MULTILINE)[1])
        action, _, node = steps[topic].pop(0).partition(" ")
        return json.dumps({"action": action, "node": node, "child_nodes": ["Waves", "No such"]})

    made = incremental_taxonomy([[topic] for topic in [*steps]], Chat(answer), seed_taxonomy=seed, forced_depth=2)
    assert made.taxonomy == {"Science": {"Physics": {"Heat": {}, "Oscillation": {"Waves": {"Sound": {}}}}}}
    assert made.discarded == ["Junk", "Lost", "Early"]
    assert made.calls == 12
    assert seed == {"Science": {"Physics": {"Waves": {}, "Heat": {}}}}
    oscillation = next(node for node in made.tree.walk() if node.name == "Oscillation")
    assert {child.name: child.papers for child in oscillation.children} == {"Waves": [0], "General": [1]}


def test_parallel_answers_are_merged_cleaned_and_bounded():
    answers = ['{"Science": {"A": ["one", 5], "": {}}}', '{"Science": {"A": {"two": {}}}}', "junk"]
    chat = Chat(lambda prompt: answers[min(2, (len(chat.asked) - 1))])
    made = parallel_taxonomy([["one"], ["two"], ["three"]], chat, seed_taxonomy={"Science": {}}, chunk=1)
    assert made.taxonomy == {"Science": {"A": {"one": {}, "two": {}}}}
    assert (made.discarded, made.calls) == (["three"], 5)
    bounded = BoundedChat(Chat(lambda prompt: answers[0]), max_calls=1)
    cut = parallel_taxonomy([["one"], ["two"]], bounded, chunk=1)
    assert "allowed are spent" in cut.stopped
    assert cut.discarded == ["two"]
    walked = incremental_taxonomy([["one"]], BoundedChat(Chat(lambda p: "{}"), max_calls=0))
    assert (walked.discarded, walked.calls) == (["one"], 0)
    assert walked.stopped


def test_topics_fall_back_on_titles():
    chat = Chat(lambda prompt: '{"topics": ["A", {"topic": "B"}, {"x": 1}, "D"]}' if "P0" in prompt else "no")
    assert extract_topics([("P0", "x"), ("P1", "y")], chat) == [["A", "B"], ["P1"]]


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cluster_sizes": [79]}, "79 clusters were asked of 78"),
        ({"cluster_sizes": [4, 12]}, "bottom to top"),
        ({"cluster_sizes": []}, "whole numbers"),
        ({"cluster_sizes": [2.5]}, "whole numbers"),
        ({"cluster_sizes": "many"}, "'auto'"),
        ({"direction": "sideways"}, "direction 'sideways'"),
        ({"clusterer": "dbscan"}, "clusterer 'dbscan'"),
        ({"facet": "methods"}, "no facet 'methods'"),
        ({"embedder": "bert"}, "embedder"),
        ({"namer": "gpt"}, "namer"),
        ({"namer": 5}, "name"),
        ({"read_facets": True}, "needs a language model"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        ScienceHierarchy(**({"embedder": "tfidf"} | settings)).fit(PAPERS)


@pytest.mark.parametrize(
    ("papers", "message"),
    [
        ([], "no paper"),
        ("text", "list of papers"),
        ([{"title": "A"}, {"title": " "}], "Paper 1 .* empty"),
        ([{"title": None}], "Paper 0"),
        ([3], "Paper 0"),
        ([{"title": "A", "problem": "words"}], "facets of paper 0"),
    ],
)
def test_bad_papers_are_named(papers, message):
    with pytest.raises(InvalidInputError, match=message):
        as_papers(papers)


def test_bad_vectors_queries_and_trees_are_refused(fitted):
    model = ScienceHierarchy([2], embedder="tfidf")
    with pytest.raises(InvalidInputError, match=r"\(4, d\)"):
        model.fit(texts(4), embeddings=np.zeros((3, 2)))
    with pytest.raises(InvalidInputError, match=r"paper 1 .* NaN"):
        model.fit(texts(2), embeddings=[[0.0], [np.nan]])
    with pytest.raises(InvalidInputError, match="query"):
        fitted.find(" ")
    with pytest.raises(InvalidInputError, match="beam"):
        fitted.find("a", beam=0)
    with pytest.raises(InvalidInputError, match="has none"):
        fitted.find("a", agent="llm")
    with pytest.raises(NotFittedError):
        ScienceHierarchy().find("a")
    with pytest.raises(InvalidInputError, match="not within"):
        tree_from_labels([[0, 0], [1, 0]])
    with pytest.raises(InvalidInputError, match="without topics"):
        agent_lookup_eval(Node(0, 0, [0]), texts(1), First())
    with pytest.raises(InvalidInputError, match="holds paper 77"):
        agent_lookup_eval(fitted.tree_, texts(3), First())
    with pytest.raises(InvalidInputError, match="no topic"):
        incremental_taxonomy([[]], named("x"))
    with pytest.raises(InvalidInputError, match="too many"):
        split(np.zeros((20_001, 1)), 2, "ward")
    with pytest.raises(InvalidInputError, match="from 0 on"):
        class_tfidf([[-1.0]])


def test_unread_papers_leave_no_word_in_names():
    papers = [Paper("", f"common{i % 2} words. secret{i} thing.") for i in range(8)]
    tree = tree_from_labels([[i % 2] for i in range(8)])
    name_tree(tree, KeyPhraseNamer(papers), unread=[0, 1])
    said = " ".join(node.name + node.summary for node in tree.children)
    assert "secret2" in said
    assert "secret0" not in said
    assert "secret1 " not in said
    assert tree.children[0].papers == [0, 2, 4, 6]


def test_names_that_are_there_stay():
    tree = tree_from_labels([[0], [1]])
    tree.children[0].name = "kept"
    name_tree(tree, KeyPhraseNamer(texts(2)))
    assert tree.children[0].name == "kept"
    assert tree.children[1].name
