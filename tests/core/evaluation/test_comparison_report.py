"""The report of a model comparison: complete, self-contained, and inert whatever the catalogue says."""

import base64
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE
from model_comparisons import ATTACKS, TITLES, model_comparison

from core.errors import CoreError
from core.evaluation.comparison_report import charts, content, page
from core.workspace import restrict_umask

pytest.importorskip("plotly", reason="needs the extra report")


class Page(HTMLParser):
    """Elements, scripts and text of a page, parsed as a browser does."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._script: tuple[dict[str, str | None], str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._script = (dict(attrs), "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._script:
            self.scripts.append(self._script)
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script:
            self._script = (self._script[0], self._script[1] + data)
        else:
            self.words.append(data)

    @property
    def figures(self) -> list[Any]:
        """The chart data."""
        return [json.loads(text) for attrs, text in self.scripts if attrs.get("type") == "application/json"]

    @property
    def programs(self) -> list[str]:
        """The scripts that run."""
        return [text for attrs, text in self.scripts if "type" not in attrs]

    @property
    def policy(self) -> str:
        """The content security policy."""
        (found,) = [attrs["content"] for tag, attrs in self.tags if attrs.get("http-equiv")]
        return found or ""


@pytest.fixture(scope="module")
def ordinary() -> Page:
    return Page(page.render_report(model_comparison(TITLES, ("base-1234", "lora-1", "full-1"))))


@pytest.fixture(scope="module")
def hostile() -> Page:
    ids = ("<script>base</script>", "</script>{{ lora }}", '" onload="x')
    return Page(page.render_report(model_comparison([*ATTACKS, *HOSTILE], ids, "</title>{{ 7*7 }}")))


def texts(value: Any) -> Iterator[str]:
    """All strings in chart data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def test_the_report_has_every_part(ordinary: Page) -> None:
    text = " ".join(ordinary.words)
    for words in (
        "validation set v1", "24 queries", "72 labelled pairs", "base-1234", "lora-1", "full-1", "Recall@10", "nDCG@10",
        "Spearman", "Cluster purity", "887,808", "3.4 MiB", "7 min 02 s", "3.0 GiB", "Fixed", "Broken",
        "False positives", "significantly better", "Map of the embedding space", "Confusion",
    ):  # fmt: skip
        assert words in text, words
    # Changes, three distributions, precision-recall, reliability, three maps.
    assert len(ordinary.figures) == 9
    places = [attrs["data-figure"] for _, attrs in ordinary.tags if attrs.get("class") == "chart"]
    assert sorted(map(str, places)) == sorted(str(a["id"]) for a, _ in ordinary.scripts if "id" in a)


def test_false_positives_and_examples_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = model_comparison(TITLES)
    counts = [model.confusion.false_positives for model in compared.models if model.confusion]
    assert counts[0] > 2
    lists = content.false_positives(compared)
    assert [each.count for each in lists] == counts
    assert [len(each.examples) for each in lists] == counts
    similarities = [float(example.note) for example in lists[0].examples]
    assert similarities == sorted(similarities, reverse=True)
    monkeypatch.setattr(content, "MAX_FALSE_POSITIVES", 2)
    monkeypatch.setattr(content, "MAX_EXAMPLES", 3)
    lists = content.false_positives(compared)
    assert (lists[0].count, len(lists[0].examples)) == (counts[0], 2)
    ((_, (fixed, broken)),) = content.changed_examples(compared)
    assert (fixed.count, len(fixed.examples), broken.count) == (8, 3, 8)
    assert f"2 most similar of {counts[0]}" in page.render_report(compared)


def test_the_words_that_differ_are_marked() -> None:
    compared = model_comparison(["Canon T6 Camera", "Canon T7 Camera Kit", "Nikon D3400"])
    ((_, (fixed, _)),) = content.changed_examples(compared)
    query, match, before = fixed.examples[0].listings
    assert [span.mark.value for span in query.spans] == ["same"]
    assert [span.text for span in before.spans if span.mark.value == "strong"] == ["T7"]
    assert [span.text for span in before.spans if span.mark.value == "own"] == ["Kit"]
    assert match.id == "amazon c0"


def test_only_the_pages_own_scripts_may_run_and_nothing_may_be_requested(hostile: Page, ordinary: Page) -> None:
    for each in (hostile, ordinary):
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in each.programs]
        assert len(digests) == 2
        rules = dict(rule.strip().partition(" ")[::2] for rule in each.policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
        assert rules["style-src"] == "'unsafe-inline'"
        assert rules["img-src"] == "data:"  # Plotly tries which formats the browser knows
        assert "connect-src" not in rules
        sources = [v for _, attrs in each.tags for k, v in attrs.items() if k in {"src", "href", "action", "srcset"}]
        assert sources == ["data:,"]


def test_no_title_becomes_markup(hostile: Page, ordinary: Page) -> None:
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in ordinary.tags} | {"script"}
    assert not [attrs for _, attrs in hostile.tags if any(name.startswith("on") for name in attrs)]
    # As many scripts as an ordinary page with three models has.
    assert len(hostile.scripts) == len(ordinary.scripts)
    text = "".join(hostile.words)
    assert "<script>window.hacked = 1</script>" in text
    assert "{{ 7 * 7 }}{{ config }}" in text
    assert "&lt;script&gt; &amp; &#x3c;" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    assert max(map(len, hostile.words)) < 20_000


def test_no_title_becomes_markup_in_a_chart(hostile: Page) -> None:
    found = [text for figure in hostile.figures for text in texts(figure)]
    assert any("window.hacked" in text for text in found)
    for text in found:
        # Plotly reads a few elements in texts; only our line breaks are any.
        assert not re.search(r"<(?!br>)", text), text
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text), text
    # Templates would be another language to escape for.
    assert not [1 for figure in hostile.figures for trace in figure["data"] if "hovertemplate" in trace]
    assert max(map(len, found)) < 800


def test_raw_chart_data_hold_no_tag(hostile: Page) -> None:
    for attrs, text in hostile.scripts:
        if attrs.get("type") == "application/json":
            assert "<" not in text
            assert "NaN" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", text)


@pytest.mark.parametrize("text", ["<b>x</b>", "a & b", "</script>", "%{x}"])
def test_text_for_charts_is_escaped(text: str) -> None:
    assert "<" not in charts.plain(text)
    assert len(charts.plain("x" * 500)) < 100


def test_the_file_is_written_whole_and_kept_from_other_users(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        restrict_umask()
        target = tmp_path / "reports" / "comparison.html"
        page.write_report(target, model_comparison(TITLES[:4]))
    finally:
        os.umask(before)
    assert not target.stat().st_mode & stat.S_IRWXO
    assert target.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [each.name for each in target.parent.iterdir()] == [target.name]


def test_an_earlier_report_stays_if_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "comparison.html"
    target.write_text("earlier")
    monkeypatch.setattr(page, "render_report", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        page.write_report(target, model_comparison(TITLES[:4]))
    assert target.read_text() == "earlier"


def test_missing_libraries_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.packages.find_spec", lambda name: None if name == "plotly" else object())
    with pytest.raises(CoreError, match="not installed: plotly") as error:
        page.require_report_libraries()
    assert "'.[report]'" in error.value.hint


def test_one_model_and_one_class_leave_out_what_needs_more() -> None:
    compared = model_comparison(TITLES[:6], ("base-1234",))
    text = " ".join(Page(page.render_report(compared)).words)
    assert "significantly" not in text
    assert "Examples:" not in text
    object.__setattr__(compared.evaluated_on, "labels", compared.evaluated_on.labels | True)
    object.__setattr__(compared.models[0], "threshold", None)
    text = " ".join(Page(page.render_report(compared)).words)
    assert "no labelled pairs of both classes" in text
    assert "False positives" not in text.partition("Definitions")[0].partition("Metrics")[0]
