"""What people read for the rankings of an evaluation, by the names that reports and JSON have for them."""

#: The encoder alone; the lexical retriever alone; both fused, as an index run keeps them; these as the matcher orders
#: them.
RANKING_NAMES = {"encoder": "dense", "lexical": "lexical", "fused": "hybrid", "matched": "matcher"}
