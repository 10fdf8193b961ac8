"""Two encoders on hand-written queries, and evaluations, as the verbs would keep them."""

from dataclasses import asdict
from itertools import groupby

from core.evaluation.comparison import Change, Comparison, Figure, JudgedQuery, Move, Place, save_comparison
from core.evaluation.report import save_evaluation
from core.json_store import save
from core.retrieval.candidates import CandidateStore
from core.workspace import Workspace
from labels.model import ProductRef

BASE, TUNED = "all-MiniLM-L6-v2-53aa5117", "lora-20260101-120000-ab12"

#: Each query's title, its known match, where it stood and stands by the encoder, and what stands first now.
QUERIES = (
    ("Canon EOS Rebel T6 DSLR Camera", "Canon EOS Rebel T6 Digital SLR", 4, 1, "Canon EOS Rebel T6 Digital SLR"),
    ('Samsung 55" Smart LED HDTV', "Samsung UN55J6300 55-Inch TV", None, 2, "Samsung UN65J6300 65-Inch TV"),
    ("Logitech M185 Wireless Mouse", "Logitech M185 Mouse, Gray", 1, 3, "Logitech M310 Wireless Mouse"),
    ("Brother TN450 Toner Cartridge", "Brother TN-450 Black Toner", 1, 1, "Brother TN-450 Black Toner"),
    ("Sony MDR-ZX110 Headphones", "Sony ZX110 White", None, None, "Sony MDR-ZX310"),
)


def change(before: float, after: float) -> Change:
    """A figure of both, with intervals that nobody computed."""
    ends = [(max(0.0, value - 0.06), min(1.0, value + 0.05)) for value in (before, after)]
    by = after - before
    return Change(Figure(before, ends[0]), Figure(after, ends[1]), by, (by - 0.04, by + 0.04))


def comparison(before: str = BASE, after: str = TUNED) -> Comparison:
    """Two got better by the encoder alone, one worse; by the fused ranking none is worse."""
    queries = []
    for number, (title, match, was, now, first) in enumerate(QUERIES, 1):
        stood = match if was == 1 else "Something else"
        moves = {
            "encoder": Move(Place(was, stood), Place(now, first)),
            "fused": Move(Place(min(was or 2, 2), stood), Place(1, match)),
        }
        refs = ProductRef("walmart", f"q{number}"), ProductRef("amazon", f"q{number}-c1")
        queries.append(JudgedQuery(refs[0], title, refs[1], match, moves))
    changes = {
        "encoder": {"hit@1": change(0.4, 0.4), "mrr@10": change(0.45, 0.567)},
        "fused": {"hit@1": change(0.4, 0.8), "mrr@10": change(0.7, 0.9)},
    }
    return Comparison(
        before, after, "2026-01-01T12:30:00+00:00", 48.2, "validation@2", ("encoder", "fused"), changes, tuple(queries)
    )


def evaluation(at: str = "2026-01-01T12:00:00+00:00", model: str = TUNED, f1: float = 0.884) -> dict[str, object]:
    """What `samesku evaluate` answers, made up."""
    metrics = {"hit@1": f1 - 0.008, "hit@5": 0.984, "hit@10": 0.995, "mrr@10": f1 + 0.044, "recall@10": 0.99}
    ends = {name: (round(value - 0.05, 3), round(min(1.0, value + 0.04), 3)) for name, value in metrics.items()}
    rankings = ("encoder", "lexical", "fused", "matched")
    high = {"right": 158, "labels": 160, "low": 0.956, "high": 0.997}
    low = {"right": 1540, "labels": 1551, "low": 0.987, "high": 0.996}
    return {
        **metrics, "queries": 186, **{name: {**metrics, "queries": 186} for name in rankings},
        "intervals": dict.fromkeys(rankings, ends), "ir": {"ndcg@10": 0.9}, "model": model,
        "judged_on": "validation@2", "at": at, "seconds": 130.5,
        "pairs": 2047, "f1": f1, "precision": 0.9, "recall": 0.868, "average_precision": 0.953, "ece": 0.006,
        "threshold": 0.43, "pairs_judged_on": "validation@2", "pairs_model": model,
        "pair_intervals": {"f1": (f1 - 0.039, f1 + 0.035), "precision": (0.85, 0.94), "recall": (0.81, 0.91)},
        "reliability": [
            {"promised": 0.01, "true": 0.008, "pairs": 1711}, {"promised": 0.14, "true": 0.2, "pairs": 75},
            {"promised": 0.46, "true": 0.4, "pairs": 40}, {"promised": 0.75, "true": 0.8, "pairs": 31},
            {"promised": 0.97, "true": 0.979, "pairs": 190},
        ],
        "bands": [
            {
                "band": "high", "answer": "match", "cut": 0.872, "promise": 0.961, "promised": high, "measured": high,
                "kept": True,
                "remark": "Not proven: 158 of 160 training labels right prove 0.961; about 153 more, all right, would"
                " prove 0.98.",
            },
            {
                "band": "low", "answer": "no_match", "cut": 0.02, "promise": 0.988, "promised": low, "measured": low,
                "kept": True, "remark": "",
            },
        ],
    }  # fmt: skip


def write_card(
    workspace: Workspace, model_id: str = TUNED, created_at: str = "2026-01-01T12:00:00+00:00", **more: object
) -> None:
    """A trained encoder's card, without its weights."""
    card = {
        "id": model_id, "parent": BASE, "base": "all-MiniLM-L6-v2", "sha256": "0", "created_at": created_at,
        "recipe": {"epochs": 4, "learning_rate": 5e-4, "rank": 16, "alpha": 32}, "trained_on": {"triplets": 576},
        "metrics": {"hit@1": 0.876, "mrr@10": 0.928, "queries": 186, "fused hit@1": 0.935, "change": 0.31},
        "judged_on": "validation@2", "intervals": {"hit@1": (0.82, 0.916), "mrr@10": (0.89, 0.96)}, **more,
    }  # fmt: skip
    save(workspace.models / model_id / "model.json", card)


def write_history(workspace: Workspace, *model_ids: str) -> None:
    """These encoders were put in use, one after the other."""
    history = [
        {"model": model_id, "at": f"2026-01-{day:02}T13:00:00+00:00", "why": "mrr@10 0.8350 → 0.9280"}
        for day, model_id in enumerate(model_ids, 1)
    ]
    save(workspace.models / "champion.json", history)


def two_encoders(workspace: Workspace) -> None:
    """A tuned encoder in use and behind the candidates, and the base that it was tuned from and compared with."""
    write_card(workspace)
    write_history(workspace, TUNED)
    candidates = CandidateStore(workspace.derived)
    by_query = groupby(candidates.all(), key=lambda row: row[0])
    rows = [(query, [candidate for _, candidate in found]) for query, found in by_query]
    candidates.replace(rows, model=TUNED, fingerprint="tuned")
    candidates.close()
    save_comparison(workspace, comparison())


def evaluations(workspace: Workspace) -> None:
    """Three of them, the last the best."""
    for day, f1 in ((1, 0.84), (2, 0.862), (3, 0.884)):
        save_evaluation(workspace, evaluation(f"2026-01-0{day}T12:00:00+00:00", f1=f1))


def as_json(of: Comparison) -> dict[str, object]:
    """A comparison as its file holds it, to be damaged."""
    return asdict(of)
