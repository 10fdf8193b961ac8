"""A Qwen2 with random weights and a tokenizer trained on the spot: real mlx-lm, without a download."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from samples import PRODUCTS, QUERIES

from core.catalog.product import Product
from core.judge.pair_context import Findings, PairContext
from core.judge.prompt import listwise_messages, pair_messages
from core.judge.verdict import VERDICT

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

#: The turns of ChatML, as Qwen writes them.
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def write_tiny_llm(
    folder: Path,
    *,
    hidden: int = 64,
    layers: int = 2,
    vocabulary: int = 1024,
    texts: Iterable[str] = (),
    decided: bool = False,
) -> Path:
    """A model folder as mlx-lm and transformers load it; the same each time.

    Args:
        folder: where to.
        hidden: the width.
        layers: how many.
        vocabulary: the most tokens that the tokenizer has.
        texts: what it learns its tokens from besides the prompts of the tiny workspace.
        decided: whether it writes a verdict at once, one or the other; else it writes whatever its weights say.
    """
    import torch  # noqa: PLC0415
    from transformers import Qwen2Config, Qwen2ForCausalLM  # noqa: PLC0415

    tokenizer = _tokenizer([*_prompts(), *texts], vocabulary)
    tokenizer.save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers,
        num_attention_heads=max(2, hidden // 64), num_key_value_heads=max(1, hidden // 128), tie_word_embeddings=False,
        initializer_range=0.1,  # less, and it writes the same token for ever
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None, dtype="float32",
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},  # mlx-lm takes the published models' for granted
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Qwen2ForCausalLM(config)
        if decided:
            _teach(model, tokenizer)
        model.save_pretrained(folder)
    return folder


def _teach(model: "Qwen2ForCausalLM", tokenizer: "PreTrainedTokenizerFast") -> None:
    """Let each token of a verdict lead to the next; which of the two verdicts is left to the random weights."""
    import torch  # noqa: PLC0415

    def token(text: str) -> int:
        [one] = tokenizer.encode(text, add_special_tokens=False)
        return one

    begun, yes, no = token(":**"), token(" MATCH"), token(" NO")
    follows = [("\n", "**"), ("**", "Verdict"), ("Verdict", ":**"), (" NO", " MATCH"), (" MATCH", SPECIAL[2])]
    ways = [(token(before), token(after)) for before, after in follows] + [(begun, yes), (begun, no)]
    with torch.no_grad():
        embedded, head = model.get_input_embeddings().weight, model.lm_head.weight
        embedded *= 5  # what the layers add decides between the two, and no more
        for before, after in ways:
            head[after] += 2.5 * embedded[before] / embedded[before].norm()
        texts = [
            tokenizer.apply_chat_template(pair_messages(case), tokenize=False, add_generation_prompt=True) + VERDICT
            for case in pairs_of(QUERIES, PRODUCTS[:2])
        ]
        # So that both answers are given: a few times, since the direction is not all that there is at that place.
        for _ in range(4):
            outputs = (model(**tokenizer(text, return_tensors="pt")).logits[0, -1] for text in texts)
            leanings = sorted(float(logits[yes] - logits[no]) for logits in outputs)
            lift = leanings[len(leanings) // 2] / embedded.shape[1] ** 0.5
            head[no] += lift * embedded[begun] / embedded[begun].norm()


def pairs_of(queries: Iterable[Product], products: Iterable[Product]) -> list[PairContext]:
    """Each query with each product."""
    listed = list(products)
    return [PairContext(query, product, Findings()) for query in queries for product in listed]


def _prompts() -> list[str]:
    asked = [pair_messages(case) for case in pairs_of(QUERIES, PRODUCTS[:4])] + [
        listwise_messages(QUERIES[0], PRODUCTS[:10])
    ]
    answer = "Similarities:\n- \n\nDifferences:\n- \n\nConclusion: \n\n**Verdict:** MATCH\n**Verdict:** NO MATCH\n"
    letters = " A B C D E F G H I J K L M O NONE" * 9
    return [message["content"] for conversation in asked for message in conversation] + [answer, letters]


def _tokenizer(texts: list[str], vocabulary: int) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, clean_up_tokenization_spaces=False)
    tokenizer.add_special_tokens(
        {"eos_token": SPECIAL[2], "pad_token": SPECIAL[0], "additional_special_tokens": [SPECIAL[1]]}
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer
