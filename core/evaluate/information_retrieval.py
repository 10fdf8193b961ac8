"""The figures of sentence-transformers' InformationRetrievalEvaluator, over vectors that are already there."""

from typing import TYPE_CHECKING, Any

from core.encode.encoder import quiet
from core.evaluate.encoder import Gold
from core.search.build import Corpus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def information_retrieval(
    corpus: Corpus, gold: Gold, query_vectors: "NDArray[np.float32]", product_vectors: "NDArray[np.float32]"
) -> dict[str, float]:
    """Accuracy, precision, recall, MRR, NDCG and MAP at the evaluator's usual depths.

    Args:
        corpus: the products in the order of the vectors.
        gold: the queries that are counted, with their known matches.
        query_vectors: shape (queries, dimensions), rows of length 1.
        product_vectors: shape (products, dimensions), likewise.
    """
    quiet()
    import torch  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator  # noqa: PLC0415
    from sentence_transformers.util import cos_sim  # noqa: PLC0415

    vector_of = {str(i): query_vectors[i] for i, query in enumerate(corpus.queries) if query.ref in gold}
    place_of = {product.ref: str(i) for i, product in enumerate(corpus.products)}

    class Encoded(InformationRetrievalEvaluator):  # type: ignore[misc]
        """Takes a query's number for its text, and looks its vector up instead of encoding it."""

        def embed_inputs(self, model: Any, sentences: Any, *_: Any, **__: Any) -> Any:  # noqa: ARG002
            return torch.from_numpy(np.stack([vector_of[number] for number in sentences]))

    import numpy as np  # noqa: PLC0415

    evaluator = Encoded(
        queries={number: number for number in vector_of},
        corpus={number: number for number in place_of.values()},
        relevant_docs={
            number: {place_of[ref] for ref in gold[corpus.queries[int(number)].ref] if ref in place_of}
            for number in vector_of
        },
        score_functions={"cosine": cos_sim},
        write_csv=False,
    )
    scores = evaluator.compute_metrices(None, corpus_embeddings=torch.from_numpy(product_vectors.copy()))["cosine"]
    named = {"accuracy@k": "accuracy", "precision@k": "precision", "recall@k": "recall"}
    named |= {"mrr@k": "mrr", "ndcg@k": "ndcg", "map@k": "map"}
    return {f"{named[name]}@{k}": float(value) for name, by_k in scores.items() for k, value in by_k.items()}
