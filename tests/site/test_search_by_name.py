import pytest
from tests.site.conftest import record

from reprise.site.store.tables import PENDING

HERE = "/papers/2611.00001"


@pytest.fixture
def papers(make_papers):
    make_papers(
        record(1, title="Rings"),
        record(2, title="Hidden", state=PENDING),
        record(3, title="Old", arxiv="math/0309136"),
        record(4, title="Elsewhere", arxiv=None, link="https://doi.org/10.1145/3292500.3330701"),
        record(5, title="A page", arxiv=None, link="https://example.org/paper/"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "2611.00001",
        " arXiv:2611.00001v3 ",
        "https://arxiv.org/abs/2611.00001",
        "arxiv.org/pdf/2611.00001v2.pdf",
        "https://doi.org/10.48550/arXiv.2611.00001",
        "http://testserver/papers/2611.00001",
        "https://huggingface.co/papers/2611.00001?tab=comments",
    ],
)
def test_an_id_or_a_link_leads_to_the_paper(client, papers, line):
    answer = client.get("/search", params={"q": line})
    assert (answer.status_code, answer.headers["location"]) == (303, HERE)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("math.GT/0309136", "Old"),
        ("10.1145/3292500.3330701", "Elsewhere"),
        ("doi: 10.1145/3292500.3330701", "Elsewhere"),
        ("https://example.org/paper", "A page"),
    ],
)
def test_other_names_lead_to_theirs(client, papers, line, title):
    answer = client.get("/search", params={"q": line}, follow_redirects=True)
    assert f"<h1>{title}</h1>" in answer.text
    (hit,) = client.get("/api/search", params={"q": line}).json()["hits"]
    assert (hit["paper"]["title"], hit["why"]) == (title, "name")


@pytest.mark.parametrize(
    "line", ["2611.00002", "2611.99999", "https://arxiv.org/abs/2401.01234", "http://[::1/papers/x"]
)
def test_a_paper_that_is_not_here_is_said_to_be_so(client, papers, line):
    page = client.get("/search", params={"q": line})
    assert page.status_code == 200
    assert "The paper of this name is not here" in page.text
    assert "These find something" not in page.text


def test_a_number_among_words_is_a_search(client, papers):
    assert client.get("/search", params={"q": "rings 2611.00001"}).status_code == 200


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"q": "rings " * 2000}, "Only the first 500 letters are searched for."),
        ({"q": "🦊 …"}, "There is no word in this to search for."),
        ({"q": "rings", "page": 900}, "Nothing is found on this page."),
        ({"q": "nothingsuch"}, "this search goes by words"),
    ],
)
def test_the_page_says_what_it_makes_of_odd_searches(client, papers, params, told):
    page = client.get("/search", params=params)
    assert page.status_code == 200
    assert told in page.text
