"""A fake matcher worker whose answers a test sets and holds back."""

import threading
from typing import Any

from tui.errors import WorkerError, WorkerRefusalError

#: Candidates of q8 in an order that retrieval did not give, and q1 asked before it.
PROBABILITIES = [0.02, 0.97, 0.41, 0.005, 0.003, 0.2, 0.1, 0.05, 0.04, 0.03]

REASONS = {
    "for": [
        {"group": "model number", "text": "model number Archer C7 stands in both", "contribution": 3.2},
        {"group": "brand", "text": "brand TP-LINK in both", "contribution": 0.61},
        {"group": "rivals", "text": "no other candidate is as similar", "contribution": 0.4},
    ],
    "against": [
        {"group": "price", "text": "price 2.4 times higher", "contribution": -1.6},
        {"group": "query words", "text": "the candidate lacks 'duo'", "contribution": -0.7},
        {"group": "quantities", "text": "16 GB against 8 GB", "contribution": -0.3},
    ],
    "score": 1.0, "start": -2.0, "rest": 1.39,
}  # fmt: skip


def rescored(*queries: str, labels: int = 312) -> dict[str, Any]:
    """A refit's answer that asks for these queries."""
    return {
        "standing": {"threshold": 0.4, "high": 0.9, "low": 0.02, "labels": labels},
        "learner": "linear",
        "order": [
            {
                "query": ["walmart", query],
                "reason": f"As likely a match as not: {query} has 51%.",
                "candidates": [["amazon", f"{query}-c{i}", p] for i, p in enumerate(PROBABILITIES, 1)],
            }
            for query in queries
        ],
        "outlook": {"queries": 6, "wrong": 2.5, "gain": 2.4},
        "took_ms": 3,
    }


class FakeMatcher:
    """Answers at once, unless held back; `refits` counts the refits that were begun."""

    def __init__(self, *queries: str, labels: int = 312) -> None:
        self.answer = rescored(*queries, labels=labels)
        self.dead = False
        self.refusal: WorkerRefusalError | None = None
        self.refits = 0
        self.at_once = 0
        self.most_at_once = 0
        self.let_go = threading.Event()
        self.let_go.set()
        self.closed = False
        self._lock = threading.Lock()

    def ask(self, do: str, **_: object) -> dict[str, Any]:
        """As `tui.worker_client.WorkerClient.ask`."""
        # Who asks for reasons at the plain desk waits for them; nobody waits for a refit.
        assert do == "reasons" or threading.current_thread() is not threading.main_thread()
        with self._lock:
            self.refits += do == "refit"
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.let_go.wait(60)
            if self.dead or self.closed:
                raise WorkerError("The matcher process ended unexpectedly.", "It restarts automatically.")
            if self.refusal is not None:
                raise self.refusal
            return self.answer if do == "refit" else REASONS
        finally:
            with self._lock:
                self.at_once -= 1

    def close(self) -> None:
        """As `tui.worker_client.WorkerClient.close`."""
        self.closed = True
        self.let_go.set()
