"""Requests and responses of the service, with the examples of its OpenAPI document."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

#: Candidates of each product unless a request says how many; fewer if the index keeps fewer.
DEFAULT_K = 10
#: Products of one request.
MAX_PRODUCTS = 1000
#: Characters of a field of a product, of an id, and of a name in a filter.
MAX_TEXT, MAX_ID, MAX_NAME = 20_000, 1000, 1000
#: Further attributes of a product.
MAX_ATTRIBUTES = 200
#: Values of one condition of a filter.
_MAX_VALUES = 100
#: The highest price.
_MAX_PRICE = 10**9
#: Types of our own errors: a whole sentence, and an unknown field.
SENTENCE, UNKNOWN_FIELD = "sentence", "unknown_field"

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Names = Annotated[list[Name], Field(max_length=_MAX_VALUES)]
Ref = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ID, description="SOURCE/ID, or the id alone where one source has it."),
]
Price = Annotated[float, Field(ge=0, le=_MAX_PRICE, allow_inf_nan=False)]


def _number_or_text(value: Any) -> Any:
    """Refuse what is neither a price nor a text with one.

    A union of two types would report the errors of both.
    """
    if isinstance(value, str):
        if len(value) > MAX_NAME:
            raise PydanticCustomError("price", f"must have at most {MAX_NAME:,} characters")
    elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_PRICE:
        raise PydanticCustomError("price", f"must be a number from 0 to {_MAX_PRICE:,}, or a text such as $1,299.00")
    return value


PriceOrText = Annotated[
    Any,
    BeforeValidator(_number_or_text),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": _MAX_PRICE}, {"type": "string", "maxLength": MAX_NAME}]}
    ),
]

_PRODUCT: dict[str, JsonValue] = {
    "title": "Canon EOS Rebel T6 DSLR Camera",
    "brand": "Canon",
    "model": "T6",
    "price": 449.0,
}
_PAIR: dict[str, JsonValue] = {"query": "walmart/17", "candidate": "amazon/B01CQJBS6K"}
_CANDIDATE: dict[str, JsonValue] = {
    "source": "amazon",
    "id": "B01CQJBS6K",
    "title": "Canon EOS Rebel T6 Digital SLR Camera",
    "rank": 1,
    "similarity": 0.93,
    "probability": 0.97,
    "band": "high",
}
_PRODUCT_ID = "P5e0c1b2a9f3d47"
_LISTINGS: list[JsonValue] = [
    {"source": "amazon", "id": "B01CQJBS6K", "title": "Canon EOS Rebel T6 Digital SLR Camera"},
    {"source": "walmart", "id": "17", "title": "Canon EOS Rebel T6 DSLR Camera"},
]


class Strict(BaseModel):
    """A part of a request: other types and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_fields(cls, value: Any) -> Any:
        """Refuse unknown fields with the nearest right name."""
        if isinstance(value, Mapping):
            for name in value:
                if name not in cls.model_fields:
                    near = difflib.get_close_matches(str(name)[:MAX_NAME], cls.model_fields, n=1)
                    known = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(cls.model_fields)}."
                    raise PydanticCustomError(UNKNOWN_FIELD, "{known}", {"name": str(name), "known": known})
        return value


class ProductInput(Strict):
    """A product that need not be in the workspace. Fields are read as by an import."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PRODUCT]})

    title: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    source: Annotated[
        Name | None, Field(description="The retailer; by default the only source of queries in the workspace.")
    ] = None
    id: Annotated[str, Field(max_length=MAX_ID, description="The retailer's id; may be empty.")] = ""
    brand: Text = ""
    category: Text = ""
    model: Text = ""
    price: Annotated[
        PriceOrText | None,
        Field(
            description="0, null and an empty text are unknown. Any other text must be one price, such as `$1,299.00`."
        ),
    ] = None
    currency: Annotated[str, Field(max_length=10, description="ISO 4217 code, such as USD.")] = ""
    upc: Annotated[str, Field(max_length=MAX_ID, description="UPC, EAN, GTIN or ISBN.")] = ""
    attributes: Annotated[
        dict[Name, Text], Field(max_length=MAX_ATTRIBUTES, description="Further attributes, such as a colour.")
    ] = {}


class Filters(Strict):
    """Conditions on the candidates, all of which must hold. They act inside the search."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"brands": ["Canon"], "max_price": 500.0}]})

    sources: Names = []
    categories: Annotated[Names, Field(description="As in the catalogue, whatever the case of the letters.")] = []
    brands: Annotated[Names, Field(description="Compared without case, spaces and punctuation.")] = []
    min_price: Annotated[Price | None, Field(description="Inclusive; leaves out products without a price.")] = None
    max_price: Annotated[Price | None, Field(description="Inclusive; leaves out products without a price.")] = None
    currency: Annotated[str, Field(max_length=10, description="Of the two prices; empty for any.")] = ""

    @model_validator(mode="after")
    def require_a_range(self) -> Self:
        """Require that some price is in the range."""
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise PydanticCustomError(SENTENCE, "filters.min_price is higher than filters.max_price.")
        return self


class MatchRequest(Strict):
    """One product or many: either inline, or by their ids in the workspace."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"products": [_PRODUCT], "k": 3, "reasons": True},
                {"ids": ["walmart/17"], "filters": {"brands": ["Canon"], "max_price": 500.0}},
            ]
        }
    )

    products: Annotated[list[ProductInput] | None, Field(min_length=1, max_length=MAX_PRODUCTS)] = None
    ids: Annotated[list[Ref] | None, Field(min_length=1, max_length=MAX_PRODUCTS)] = None
    k: Annotated[
        int | None,
        Field(ge=1, le=1000, description=f"Candidates of each product, at most search.k; {DEFAULT_K} by default."),
    ] = None
    filters: Filters | None = None
    reasons: Annotated[bool, Field(description="Whether each score is explained.")] = False
    judge: Annotated[bool, Field(description="Whether stored verdicts of the judge are attached; asks none.")] = False

    @model_validator(mode="after")
    def require_products_or_ids(self) -> Self:
        """Require products or ids, not both."""
        if (self.products is None) == (self.ids is None):
            raise PydanticCustomError(SENTENCE, "Give either products or ids.")
        return self


class ModelInfo(BaseModel):
    """What an answer was computed with.

    Attributes:
        encoder: id of the encoder.
        matcher: fingerprint of the matcher.
        index: fingerprint of the index.
        labels: number of labelled pairs that the matcher was fitted on.
        calibrated: whether the probabilities are fitted to labels; otherwise there are none.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    encoder: str
    matcher: str
    index: str
    labels: int
    calibrated: bool


class ReasonInfo(BaseModel):
    """A reason: its concept, what the listings state, and the log-odds that it adds."""

    group: str
    text: str
    contribution: float


class ReasonsInfo(BaseModel):
    """The strongest reasons for and against a match; score = baseline + other + all contributions, in log-odds."""

    pros: list[ReasonInfo]
    cons: list[ReasonInfo]
    score: float
    baseline: float
    other: float


class VerdictInfo(BaseModel):
    """A verdict of the judge."""

    answer: Annotated[
        Literal["MATCH", "NO MATCH"] | None, Field(description="null if the judge gave no usable answer.")
    ]
    probability: Annotated[float | None, Field(description="null if the judge reports none.")]
    reasoning: str
    judge: Annotated[str, Field(description="Model, adapter and version of the prompt.")]


class CandidateInfo(BaseModel):
    """A product that may match."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CANDIDATE]})

    source: str
    id: str
    title: str
    rank: int
    similarity: Annotated[float, Field(description="Cosine by the encoder.")]
    probability: Annotated[float | None, Field(description="P(match); null until labels calibrate the matcher.")]
    band: Annotated[str, Field(description="high, medium or low; prior:high and so on before calibration.")]
    reasons: Annotated[ReasonsInfo | None, Field(description="Only if they were asked for.")] = None
    verdict: Annotated[VerdictInfo | None, Field(description="A stored verdict; only if asked for.")] = None


class ListingInfo(BaseModel):
    """A listing of the workspace."""

    source: str
    id: str
    title: str


class QueryInfo(ListingInfo):
    """The product that was matched; its id is empty if the request gave none."""


class MatchResult(BaseModel):
    """The candidates of one product, best first."""

    query: QueryInfo
    candidates: list[CandidateInfo]


class MatchResponse(BaseModel):
    """The results in the order of the request, all of one index and one matcher."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": {
                        "encoder": "all-MiniLM-L6-v2",
                        "matcher": "5be1",
                        "index": "c0ffee:1a2b",
                        "labels": 512,
                        "calibrated": True,
                    },
                    "results": [
                        {
                            "query": {"source": "walmart", "id": "17", "title": "Canon EOS Rebel T6 DSLR Camera"},
                            "candidates": [_CANDIDATE],
                        }
                    ],
                }
            ]
        }
    )

    model: ModelInfo
    results: list[MatchResult]


class ClusterInfo(BaseModel):
    """All listings of one product, as `samesku cluster` has recorded them."""

    id: Annotated[str, Field(description="The product id, which stays from run to run.")]
    listings: list[ListingInfo]


class Origin(BaseModel):
    """Where a value is from."""

    source: str
    id: str
    rule: Annotated[str, Field(description="only, most_frequent, longest, trusted or first: what decided for it.")]


class Provenance(BaseModel):
    """The origin of each value of a golden record; null where no listing has one."""

    title: Origin | None = None
    brand: Origin | None = None
    model: Origin | None = None
    gtin: Origin | None = None
    attributes: dict[str, Origin] = {}


class ClusterResponse(ClusterInfo):
    """A product: its listings, and one record of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _PRODUCT_ID,
                    "listings": _LISTINGS,
                    "title": "Canon EOS Rebel T6 Digital SLR Camera",
                    "brand": "Canon",
                    "model": "T6",
                    "gtin": "",
                    "attributes": {},
                    "provenance": {
                        "title": {"source": "amazon", "id": "B01CQJBS6K", "rule": "longest"},
                        "brand": {"source": "amazon", "id": "B01CQJBS6K", "rule": "only"},
                        "model": {"source": "walmart", "id": "17", "rule": "only"},
                        "attributes": {},
                    },
                }
            ]
        }
    )

    title: str
    brand: str
    model: str
    gtin: Annotated[str, Field(description="GTIN-14; empty where no listing has one.")]
    attributes: dict[str, str]
    provenance: Provenance


class ProductResponse(BaseModel):
    """A product of the workspace."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "walmart",
                    "id": "17",
                    "role": "query",
                    **_PRODUCT,
                    "cluster": {"id": _PRODUCT_ID, "listings": _LISTINGS},
                }
            ]
        }
    )

    source: str
    id: str
    role: Literal["query", "catalog", "both"]
    title: str
    brand: str = ""
    category: str = ""
    model: str = ""
    price: float | None = None
    currency: str = ""
    upc: str = ""
    attributes: dict[str, str] = {}
    cluster: Annotated[ClusterInfo | None, Field(description="null if no run has recorded one.")] = None


class PairInput(Strict):
    """A pair of products of the workspace."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAIR]})

    query: Ref
    candidate: Ref


class FeedbackRequest(PairInput):
    """A decision on a pair."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_PAIR, "decision": "match"}]})

    decision: Annotated[
        Literal["match", "no_match", "unsure"], Field(description="unsure is an abstention: nothing is trained on it.")
    ]


class FeedbackResponse(BaseModel):
    """A decision that is on disk."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_PAIR,
                    "decision": "match",
                    "annotator": "api:shop",
                    "action": "9f86d081884c7d659a2feaa0c55ad015",
                    "repeated": False,
                }
            ]
        }
    )

    query: Annotated[str, Field(description="SOURCE/ID")]
    candidate: Annotated[str, Field(description="SOURCE/ID")]
    decision: Literal["match", "no_match", "unsure"]
    annotator: Annotated[str, Field(description="api: and the name of the key; api:local without one.")]
    action: Annotated[str, Field(description="Id in the ledger.")]
    repeated: Annotated[bool, Field(description="Whether an earlier request with this key had recorded it.")]


class UndoResponse(BaseModel):
    """The decision that was undone."""

    action: Annotated[str, Field(description="Id in the ledger.")]
    query: Annotated[str, Field(description="SOURCE/ID")]


class VerdictResponse(VerdictInfo):
    """The verdict of the judge on a pair."""

    query: Annotated[str, Field(description="SOURCE/ID")]
    candidate: Annotated[str, Field(description="SOURCE/ID")]


class Health(BaseModel):
    """The state of the service."""

    status: Literal["ok"]


class Ready(BaseModel):
    """The service answers requests, with these models."""

    status: Literal["ready"]
    model: ModelInfo
