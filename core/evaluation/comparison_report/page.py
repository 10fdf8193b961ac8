"""Writes the report of a model comparison: one HTML file with its style, scripts and data inline.

Titles and ids are hostile text. The template escapes all text, chart data are JSON in elements that the browser does
not run, and the content security policy names the digests of the page's own two scripts: no other script runs, and
nothing is requested.
"""

import base64
import hashlib
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from core.evaluation.comparison_report import charts, content
from core.evaluation.embedding_map import projection_name
from core.evaluation.metric_info import PAIR_METRICS, RETRIEVAL_METRICS, duration_text
from core.evaluation.model_comparison import ModelComparison
from core.json_store import text_file
from core.packages import install_hint, require_packages
from core.stats.bootstrap import RESAMPLINGS
from core.workspace import Workspace
from labels.wording import evaluation_set

_LIBRARIES = ("jinja2", "plotly")


def require_report_libraries() -> None:
    """Check, without importing them, that the libraries of reports are installed.

    Raises:
        CoreError: some are missing; the hint tells how to install them.
    """
    require_packages("A report needs", _LIBRARIES, install_hint("report"))


def default_report_path(workspace: Workspace, comparison: ModelComparison) -> Path:
    """Where the report of a comparison is kept in a workspace."""
    return workspace.reports / f"comparison-{datetime.fromisoformat(comparison.at):%Y%m%d-%H%M%S}.html"


def write_report(path: Path, comparison: ModelComparison) -> None:
    """Write the report, atomically.

    Raises:
        CoreError: the libraries are not installed, or the file cannot be written.
    """
    require_report_libraries()
    page = render_report(comparison)
    with text_file(path) as out:
        out.write(page)


def render_report(comparison: ModelComparison) -> str:
    """The page as HTML."""
    import jinja2
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # JSON has no NaN: the page could not read it.
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False}
    scripts = [_script(get_plotlyjs()), _script(_resource("page.js"))]
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_digest, scripts))}; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    data = comparison.evaluated_on
    page: str = environment.from_string(_resource("page.html")).render(
        policy=policy, style=_resource("page.css"), scripts=scripts,
        models=[content.shown(model.id) for model in comparison.models], at=datetime.fromisoformat(comparison.at),
        evaluated_on=content.shown(evaluation_set(data.name)), queries=len(data.gold), pairs=len(data.pairs),
        matches=int(data.labels.sum()), has_pairs=data.has_both_classes, headlines=content.headlines(comparison),
        groups=content.row_groups(comparison), confusions=content.confusion_tables(comparison),
        examples=content.changed_examples(comparison), false_positives=content.false_positives(comparison),
        figures=_figures(comparison), projection=projection_name(), resamplings=RESAMPLINGS,
        definitions=[*RETRIEVAL_METRICS, *PAIR_METRICS], duration=duration_text(comparison.seconds),
    )  # fmt: skip
    return page


def _figures(comparison: ModelComparison) -> dict[str, Any]:
    """The charts by name, None for those that need more data; lists have one per model."""
    data = comparison.evaluated_on
    found: dict[str, Any] = dict.fromkeys(("changes", "distributions", "precision_recall", "reliability"))
    found["maps"] = [charts.space(model, data) for model in comparison.models]
    if len(comparison.models) > 1:
        found["changes"] = charts.changes(comparison)
    if data.has_both_classes:
        bounds = charts.similarity_range(comparison)
        found["distributions"] = [charts.distribution(each, data.labels, bounds) for each in comparison.models]
        found["precision_recall"] = charts.precision_recall(comparison)
        if any(model.calibration for model in comparison.models):
            found["reliability"] = charts.reliability(comparison)
    return found


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _script(text: str) -> str:
    """A script that the browser does not end early: in a string of JavaScript, an escaped slash is a slash."""
    return text.replace("\r\n", "\n").replace("</script", "<\\/script")


def _digest(script: str) -> str:
    """A source expression of a content security policy that allows one inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
