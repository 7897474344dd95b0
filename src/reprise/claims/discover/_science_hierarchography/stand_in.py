"""A chat that answers in the right form and knows nothing: it counts what each way of building a tree asks."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

_SUBTOPICS = re.compile(r"^Subtopics here: (\[.*\])$", re.MULTILINE)
_TITLE = re.compile(r"^Title: (.*)$", re.MULTILINE)


class StandIn:
    """Names clusters and topics at random and sends topics down random paths, half of them to stop at each level."""

    name = "stand-in"

    def __init__(self) -> None:
        self.calls = 0

    def complete(self, messages: Sequence[Mapping[str, str]], *, max_tokens: int = 300) -> str:
        """Answer in the form that is asked for."""
        self.calls += 1
        prompt = messages[-1]["content"]
        draw = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4])
        title = _TITLE.search(prompt)
        if '"Cluster Name"' in prompt:
            return json.dumps({"Cluster Name": f"Topic {draw}", "Cluster Summary": ""})
        if '"topics"' in prompt and title:
            return json.dumps({"topics": [{"topic": title[1]}]})
        if '"problem"' in prompt and title:
            return json.dumps({"problem": {"research question/goal": title[1]}})
        subtopics = _SUBTOPICS.search(prompt)
        if subtopics is None:
            listed = prompt.rpartition("Topics: ")[2]
            return json.dumps({"Science": {topic: {} for topic in json.loads(listed)}})
        below = json.loads(subtopics[1])
        may_add = "- add_sibling" in prompt
        if below and (not may_add or draw % 2):
            return json.dumps({"action": "go_down", "node": below[draw % len(below)]})
        return json.dumps({"action": "add_sibling"})
