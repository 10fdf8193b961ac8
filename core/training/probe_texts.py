"""Texts of the catalogue that an encoder and what is made of it are compared on."""

from dataclasses import dataclass
from itertools import islice

from core.catalog.product import SIDES
from core.catalog.store import CatalogStore
from core.catalog.template import render
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.workspace import Workspace

#: Products of each side.
_COUNT = 32
#: Longer than any encoder reads, so that the truncation is compared too.
_LONG_TEXT_WORDS = 600


@dataclass(frozen=True, slots=True)
class ProbeTexts:
    """Texts of queries and products, without prefixes."""

    queries: list[str]
    products: list[str]

    def prefixed(self, model: EncoderModel) -> list[str]:
        """All texts, the queries first, with the prefixes of an encoder."""
        return [model.query_prefix + text for text in self.queries] + [
            model.candidate_prefix + text for text in self.products
        ]


def probe_texts(workspace: Workspace, settings: Settings) -> ProbeTexts:
    """The texts of the first products of each side, and a long one."""
    template = settings.encoder.template
    with CatalogStore(workspace.catalog) as catalog:
        queries, products = (
            [text for product in islice(catalog.iter(role=role), _COUNT) if (text := render(template, product))]
            for role in SIDES
        )
    words = " ".join(queries + products).split() or ["product"]
    long_text = " ".join(words[number % len(words)] for number in range(_LONG_TEXT_WORDS))
    return ProbeTexts([*queries, long_text], [*products, long_text])
