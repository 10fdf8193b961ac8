"""A BERT of two small layers that knows nothing, and a tokenizer for some words: no download, and loaded at once."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def write_tiny_encoder(folder: Path, texts: Iterable[str], seed: int = 1) -> Path:
    """An encoder's folder. The tokenizer learns its words from the texts; the weights are random, the seed's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers  # noqa: PLC0415
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast  # noqa: PLC0415

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=400, special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=256, **names).save_pretrained(folder)
    config = BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=256,
    )  # fmt: skip
    _seeded(seed, lambda: BertModel(config)).save_pretrained(folder)
    (folder / "modules.json").write_text("[]")  # by which a folder is known to hold an encoder
    return folder


def write_tiny_sentence_encoder(folder: Path, texts: Iterable[str], seed: int = 1) -> Path:
    """The same with its pooling, so that it encodes, and can be tuned."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer  # noqa: PLC0415

    words = Transformer(str(write_tiny_encoder(folder / "bert", texts, seed)), max_seq_length=64)
    pooling = Pooling(words.get_embedding_dimension())
    made = folder / "encoder"
    SentenceTransformer(modules=[words, pooling, Normalize()]).save(str(made), create_model_card=False)
    return made


def write_tiny_model(folder: Path, texts: Iterable[str], kind: str, layers: int = 2) -> Path:
    """The same for another architecture: `bert`, `mpnet`, `qwen2`, `mistral`, `clip` (a text tower) or `distilbert`."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        AutoConfig,
        AutoModel,
        CLIPTextConfig,
        CLIPTextModel,
    )

    inner = write_tiny_encoder(folder / kind, texts)
    (inner / "modules.json").unlink()
    sizes = {"hidden_size": 32, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 64}
    if kind in {"qwen2", "mistral"}:
        sizes |= {"num_key_value_heads": 1, "head_dim": 16}
    if kind == "distilbert":
        sizes = {"dim": 32, "n_layers": layers, "n_heads": 2, "hidden_dim": 64}

    def make() -> "PreTrainedModel":
        if kind == "clip":
            return CLIPTextModel(
                CLIPTextConfig(vocab_size=400, **sizes, pad_token_id=0, bos_token_id=2, eos_token_id=3)
            )
        return AutoModel.from_config(AutoConfig.for_model(kind, vocab_size=400, max_position_embeddings=256, **sizes))

    _seeded(1, make).save_pretrained(inner)
    words = Transformer(str(inner), max_seq_length=64)
    made = folder / f"{kind}-encoder"
    pooling = Pooling(words.get_embedding_dimension())
    SentenceTransformer(modules=[words, pooling]).save(str(made), create_model_card=False)
    return made


def _seeded(seed: int, make: "Callable[[], PreTrainedModel]") -> "PreTrainedModel":
    """A model whose random weights are the same in each run: with some, a training of a few steps collapses."""
    import torch  # noqa: PLC0415

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()
