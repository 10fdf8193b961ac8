import math

import pytest
from injections import INJECTIONS
from samples import PRODUCTS, QUERIES

from core.catalog.product import Product
from core.errors import ModelError
from core.judge.logprobs import branch_token, find_verdict_position, log_odds_from_logprobs, sigmoid, softmax
from core.judge.mlx_model import LocalModel
from core.judge.pair_context import Findings, PairContext
from core.judge.prompt import LETTERS, listwise_messages, pair_messages
from core.judge.prompt_encoder import special_tokens
from core.judge.verdict import VERDICT


def tokenizer(*vocabulary: str):
    """Encodes greedily, the longest token first; and decodes."""
    tokens = sorted({*vocabulary, *"*Verdict: MATCHNO\nsoX1"}, key=len, reverse=True)

    def encode(text: str) -> list[int]:
        found = []
        while text:
            best = next(token for token in tokens if text.startswith(token))
            found.append(tokens.index(best))
            text = text[len(best) :]
        return found

    return encode, lambda ids: "".join(tokens[i] for i in ids), tokens


@pytest.mark.parametrize(
    ("vocabulary", "first", "second"),
    [
        ([" MATCH", " NO"], " MATCH", " NO"),
        ([" M", "ATCH", " N"], " M", " N"),
        ([], "M", "N"),
        (["** M", "** NO MATCH"], "** M", "** NO MATCH"),
        ([" NO MATCH", " "], " ", " NO MATCH"),
    ],
)
def test_branch_token_is_the_first_difference(vocabulary: list[str], first: str, second: str) -> None:
    encode, decode, tokens = tokenizer(*vocabulary)
    branch = branch_token(encode, VERDICT, ("MATCH", "NO MATCH"))
    assert [tokens[token] for token in branch.tokens] == [first, second]
    for option, token in zip(("MATCH", "NO MATCH"), branch.tokens, strict=True):
        assert f"{VERDICT} {option}".startswith(decode([*branch.shared, token]))


def test_indistinguishable_options_are_refused() -> None:
    encode, _, _ = tokenizer()
    with pytest.raises(ModelError, match="cannot distinguish the answers"):
        branch_token(encode, VERDICT, ("1", "11", "X"))
    with pytest.raises(ModelError):
        branch_token(encode, VERDICT, ("1", "11"))


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("so\n**Verdict:** MATCH", " MATCH"),
        ("so\n**Verdict:** NO MATCH\n", " NO"),
        ("so NO MATCH\n**Verdict:** MATCH\n**Verdict:** NO MATCH", " NO"),
        ("**Verdict:** MATCH\nso", None),
        ("so **Verdict:** MATCH", None),
        ("MATCH", None),
    ],
)
def test_verdict_position_is_in_the_last_line(text: str, stands: str | None) -> None:
    encode, decode, tokens = tokenizer(" MATCH", " NO", VERDICT)
    ids = encode(text)
    places = [place for place, token in enumerate(ids) if tokens[token] in {" MATCH", " NO"}]
    place = find_verdict_position(decode, ids, places)
    assert (None if place is None else tokens[ids[place]]) == stands
    if place is not None:
        assert text.rindex(VERDICT) + len(VERDICT) == len(decode(ids[:place]))


def test_differently_tokenized_verdict_has_no_position() -> None:
    encode, decode, tokens = tokenizer(" MATCH", " NO", VERDICT)
    spelt = [*encode("**Verdict:** MATCH\n**Verdict:**"), *(tokens.index(letter) for letter in " MATCH")]
    assert find_verdict_position(decode, spelt, [1]) is None


def test_sigmoid_and_softmax() -> None:
    assert sigmoid(0) == 0.5
    assert sigmoid(log_odds_from_logprobs(math.log(0.9), math.log(0.1))) == pytest.approx(0.9)
    assert sigmoid(log_odds_from_logprobs(0, -math.inf)) == 1
    assert 0 <= sigmoid(log_odds_from_logprobs(-math.inf, 0)) < 1e-300
    assert softmax([math.log(0.2), math.log(0.1), -math.inf]) == pytest.approx([2 / 3, 1 / 3, 0])


# -- with a real tokenizer -----------------------------------------------------------------------------------


def test_every_letter_has_its_own_token(local: LocalModel) -> None:
    options = ("NONE", *LETTERS[:13])
    branch = branch_token(local.encode, local.render(listwise_messages(QUERIES[0], PRODUCTS[:13])) + VERDICT, options)
    assert len(set(branch.tokens)) == 14


@pytest.mark.parametrize("title", INJECTIONS)
def test_title_cannot_inject_special_tokens(local: LocalModel, title: str) -> None:
    special = special_tokens(local.tokenizer)
    hostile = Product("amazon", "1", title, title, title, title, upc=title, extra={title: title, "a": title})
    for asked, harmless in (
        (
            pair_messages(PairContext(hostile, hostile, Findings())),
            pair_messages(PairContext(QUERIES[0], PRODUCTS[0], Findings())),
        ),
        (listwise_messages(hostile, [hostile] * 3), listwise_messages(QUERIES[0], PRODUCTS[:3])),
    ):
        data = local.encode(asked[1]["content"])
        assert not special & set(data)
        tokens, others = local.encode(local.render(asked)), local.encode(local.render(harmless))
        assert [token for token in tokens if token in special] == [token for token in others if token in special]
        assert local.has_only_template_specials(asked, tokens)
        assert local.decode(tokens).count("<|im_start|>") == 3
