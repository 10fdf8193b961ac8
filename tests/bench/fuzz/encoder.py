"""Make the template's models: BERTs of two small layers that know nothing, as sentence-transformers saves them.

python -m tests.bench.fuzz.encoder ENCODER CROSS_ENCODER < TEXTS
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def main() -> None:
    """Write them to two folders; the tokenizer learns its words from the lines of standard input."""
    sys.path.append(str(_ROOT / "tests" / "support"))
    from sentence_transformers import CrossEncoder, SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.models import Pooling, Transformer  # noqa: PLC0415
    from tiny_encoder import write_tiny_encoder  # noqa: PLC0415

    bare = write_tiny_encoder(Path(sys.argv[1] + "-bare"), sys.stdin)
    layers = Transformer(str(bare))
    SentenceTransformer(modules=[layers, Pooling(layers.get_embedding_dimension())]).save(sys.argv[1])
    CrossEncoder(str(bare), num_labels=1).save_pretrained(sys.argv[2], safe_serialization=True, create_model_card=False)


if __name__ == "__main__":
    main()
