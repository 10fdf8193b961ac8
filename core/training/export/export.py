"""Exporting an encoder to a folder that loads without this project.

What is written is verified before it gets its name: the exported files encode some texts of the catalogue, and the
vectors have to be those of the encoder. Nothing is left of an export that fails.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.json_store import text_file
from core.model_files import check_peft_adapter_files, model_errors, read_json
from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel, find_base, readable_save_errors, with_prefixes
from core.retrieval.encoder_registry import ModelCard, Registry
from core.retrieval.model_card_page import README, card_page, inert, loading_section
from core.retrieval.onnx_graph import (
    TOKENIZER_FILE,
    encode_with_onnx,
    require_onnx_libraries,
    write_onnx,
    write_prompts,
)
from core.settings import Settings, absolute_folder
from core.text.safe import safe
from core.training.adapter_check import verify_merge
from core.training.adapters import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    load_adapter,
    load_base,
    record_base,
    recorded_base,
    require_base,
    unit_vectors,
    write_encoder,
)
from core.training.export.loading_code import adapter_code, onnx_code, sentence_transformers_code
from core.training.probe_texts import ProbeTexts, probe_texts
from core.workspace import Workspace
from labels.exchange.files import create_folder, require_folder
from labels.files import drafts, folder_bytes, publish, way_out

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Largest difference of an entry between the vectors of the encoder and of the exported files. ONNX Runtime sums in
#: another order, which changes entries of unit vectors by 1e-6 at most.
MAX_DIFFERENCE = 1e-4

#: The folder in the README of an export, which is copied to other machines.
_HERE = Path()

_HINT = "`samesku models export ID --format sentence-transformers --out FOLDER` needs no base."


class ExportFormat(StrEnum):
    """What is exported."""

    SENTENCE_TRANSFORMERS = "sentence-transformers"
    ONNX = "onnx"
    ADAPTER = "adapter"


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export.

    Attributes:
        model: id of the encoder.
        folder: of the exported files.
        files: their names.
        size: of all files, in bytes.
        difference: largest difference of an entry between vectors of the encoder and of the exported files.
        code: Python that loads them.
    """

    model: str
    format: ExportFormat
    folder: Path
    files: tuple[str, ...]
    size: int
    difference: float
    code: str


def export_model(
    workspace: Workspace, settings: Settings, name: str, form: ExportFormat, folder: Path | None, reporter: Reporter
) -> Export:
    """Export an encoder, and verify what was written.

    Args:
        workspace: with the catalogue, some texts of which are encoded.
        settings: of the workspace.
        name: an id, `base`, or the path of a folder.
        form: of the files.
        folder: where they appear; it must not exist yet, or be empty. None for `reports/ID-FORMAT` of the workspace.
        reporter: receives the stages.

    Raises:
        ModelError: the encoder is unknown, damaged or unsafe, has no adapter, cannot be exported in this format, or the
            exported files do not give its vectors.
        LabelsError: the folder above does not exist.
    """
    if form is ExportFormat.ONNX:
        require_onnx_libraries()
    if folder is not None:
        _require_free(folder.absolute())
    registry = Registry(workspace, settings)
    model = registry.find(name)
    target = folder.absolute() if folder is not None else _default_folder(workspace, model, form)
    run = _Export(workspace, settings, registry, model, probe_texts(workspace, settings))
    with _draft(target) as draft:
        reporter.stage(f"export to {form}")
        difference, code = run.write(form, draft, target, reporter)
        files = tuple(sorted(str(path.relative_to(draft)) for path in draft.rglob("*") if path.is_file()))
        size = folder_bytes(draft)
    return Export(model.id, form, target, files, size, difference, code)


def _default_folder(workspace: Workspace, model: EncoderModel, form: ExportFormat) -> Path:
    """Where an export is kept in a workspace.

    Raises:
        ModelError: this encoder was exported there already.
        LabelsError: the folder above cannot be created.
    """
    folder = workspace.reports / f"{model.id}-{form}"
    create_folder(workspace.reports)
    _require_free(folder)
    return folder


def _require_free(folder: Path) -> None:
    """Require that an export can appear in a folder, before it is made.

    Raises:
        ModelError: something is there.
        LabelsError: the folder above does not exist.
    """
    require_folder(folder)
    hint = "Name a folder that does not exist yet: `samesku models export ID --out FOLDER`."
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ModelError(f"{folder} exists already, and is not a folder.", hint)
        if folder.is_dir() and any(folder.iterdir()):
            raise ModelError(f"{folder} is not empty; an export overwrites nothing.", hint)
    except OSError as error:
        raise ModelError(f"{folder} cannot be used: {error.strerror}.", way_out(error, hint)) from error


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that gets its name at the end, and is removed after an error.

    Raises:
        ModelError: it cannot be written.
    """
    try:
        with drafts(folder.parent) as place:
            draft = place / "export"
            draft.mkdir()
            yield draft
            publish(draft, folder)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written: {error.strerror}.", way_out(error, "Choose another place for the export.")
        ) from error


@dataclass(frozen=True, slots=True)
class _Export:
    """What all formats share."""

    workspace: Workspace
    settings: Settings
    registry: Registry
    model: EncoderModel
    texts: ProbeTexts

    @property
    def card(self) -> ModelCard | None:
        """The card of a trained encoder; None for others."""
        return self.registry.card(self.model.id) if self.registry.is_trained(self.model.id) else None

    @property
    def template(self) -> str:
        """The template of the texts that the encoder is for."""
        return (self.card.template if self.card else "") or self.settings.encoder.template

    @property
    def prefixed_texts(self) -> list[str]:
        """The probe texts with the encoder's prefixes."""
        return self.texts.prefixed(self.model)

    def write(self, form: ExportFormat, draft: Path, target: Path, reporter: Reporter) -> tuple[float, str]:
        """Write and verify the files. Returns the largest difference of the vectors and the code that loads them."""
        writers = {
            ExportFormat.SENTENCE_TRANSFORMERS: self._sentence_transformers,
            ExportFormat.ONNX: self._onnx,
            ExportFormat.ADAPTER: self._adapter,
        }
        return writers[form](draft, target, reporter)

    def _load(self) -> "SentenceTransformer":
        return load(self.model, self.settings.encoder.max_tokens)

    def _sentence_transformers(self, draft: Path, target: Path, reporter: Reporter) -> tuple[float, str]:
        loaded = self._load()
        expected = unit_vectors(loaded, self.prefixed_texts)
        _make_self_contained(loaded, self.model)
        with readable_save_errors(target):
            write_encoder(loaded, draft)
        self._write_page(draft, sentence_transformers_code(_HERE, self.model.prefixes))
        reporter.stage("verify the export")
        read = load(EncoderModel(self.model.id, draft), self.settings.encoder.max_tokens)
        with model_errors(draft, "Nothing was exported."):
            queries = read.encode_query(self.texts.queries, show_progress_bar=False)
            products = read.encode_document(self.texts.products, show_progress_bar=False)
        vectors = np.concatenate([queries, products]).astype(np.float32)
        return _verified(expected, vectors), sentence_transformers_code(target, self.model.prefixes)

    def _onnx(self, draft: Path, target: Path, reporter: Reporter) -> tuple[float, str]:
        loaded = self._load().to("cpu").float()
        expected = unit_vectors(loaded, self.prefixed_texts)
        write_onnx(loaded, draft, self.model.path)
        write_prompts(draft, self.model.query_prefix, self.model.candidate_prefix)
        self._write_page(draft, onnx_code(_HERE))
        reporter.stage("verify the export")
        # One text alone too: the number of texts and their length are dynamic.
        vectors = encode_with_onnx(draft, self.prefixed_texts)
        alone = encode_with_onnx(draft, self.prefixed_texts[:1])
        return max(_verified(expected, vectors), _verified(expected[:1], alone)), onnx_code(target)

    def _adapter(self, draft: Path, target: Path, reporter: Reporter) -> tuple[float, str]:
        card, stored = self.card, self.registry.folder(self.model.id) / "adapter"
        if card is None or not stored.is_dir():
            raise ModelError(
                f"{self.model.id} has no adapter: all of its weights were trained, or none.",
                _HINT,
            )
        base = self._base(card, stored)
        name = base.path.name if Path(card.base).is_absolute() else card.base
        _copy_adapter(stored, draft, name)
        recorded = recorded_base(stored)
        joins = recorded is not None and recorded.join_model_numbers
        record_base(draft, base, join_model_numbers=joins)
        reporter.stage("verify the export")
        expected = unit_vectors(self._load(), self.prefixed_texts)
        fresh = load_base(base, draft, self.settings.encoder.max_tokens)
        if joins:
            with readable_save_errors(target):
                fresh.tokenizer.backend_tokenizer.save(str(draft / TOKENIZER_FILE))
        before = unit_vectors(fresh, self.prefixed_texts)
        load_adapter(fresh, draft, base)
        adapted = unit_vectors(fresh, self.prefixed_texts)
        verify_merge(before, adapted, expected)
        given = name, self.model.prefixes, self.settings.encoder.max_tokens
        self._write_page(draft, adapter_code(_HERE, *given, joins_model_numbers=joins))
        difference = float(np.abs(adapted - expected).max())
        return difference, adapter_code(target, *given, joins_model_numbers=joins)

    def _base(self, card: ModelCard, adapter: Path) -> EncoderModel:
        """The base of a trained encoder, as its adapter and its card record it.

        Raises:
            ModelError: it is not on this machine, or has changed; or the files of the adapter are unsafe.
        """
        check_peft_adapter_files(adapter, _HINT)
        try:
            found = find_base(absolute_folder("base", card.base, self.workspace.home.absolute()), "base")
            base = with_prefixes(found, card.query_prefix, card.candidate_prefix)
            if recorded_base(adapter) is not None:
                require_base(adapter, base)
            elif card.parent not in {base.id, base.former_id}:
                raise ModelError(f"It was trained on {card.parent}, and {card.base} is {base.id} now.", _HINT)
        except ModelError as error:
            message = f"The adapter of {card.id} cannot be verified, since its base is missing. {error.message}"
            raise ModelError(message, _HINT) from error
        return base

    def _write_page(self, draft: Path, code: str) -> None:
        loading = loading_section(code, self.model.prefixes, self.template)
        card = self.card
        if card is not None and Path(card.base).is_absolute():
            # Elsewhere, a path of this machine means nothing, and it may hold the name of its user.
            card = replace(card, base=Path(card.base).name)
        page = card_page(card, (), loading) if card else f"# {inert(self.model.id)}\n\n{loading}\n"
        with text_file(draft / README) as out:
            out.write(page)


def _make_self_contained(loaded: "SentenceTransformer", model: EncoderModel) -> None:
    """Let plain `encode_query` and `encode_document` do what is done here: prefix the texts, and normalise."""
    from sentence_transformers.sentence_transformer.modules import Normalize

    loaded.prompts = {"query": model.query_prefix, "document": model.candidate_prefix}
    loaded.default_prompt_name = None
    # Here a prefix is part of the text.
    loaded.set_pooling_include_prompt(include_prompt=True)
    if not isinstance(loaded[-1], Normalize):
        loaded.append(Normalize())


def _copy_adapter(stored: Path, draft: Path, base: str) -> None:
    """Copy the files of an adapter. The path of the base on this machine is replaced by its name."""
    config = read_json(stored / ADAPTER_CONFIG) | {"base_model_name_or_path": base}
    with readable_save_errors(draft):
        shutil.copyfile(stored / ADAPTER_WEIGHTS, draft / ADAPTER_WEIGHTS)
    with text_file(draft / ADAPTER_CONFIG) as out:
        out.write(json.dumps(config, indent=2, sort_keys=True) + "\n")


def _verified(expected: NDArray[np.float32], vectors: NDArray[np.float32]) -> float:
    """The largest difference of an entry.

    Raises:
        ModelError: the exported files give other vectors.
    """
    difference = float(np.abs(expected - vectors).max()) if expected.shape == vectors.shape else float("inf")
    # `not <=`, so that NaN fails.
    if not difference <= MAX_DIFFERENCE:
        raise ModelError(
            f"The exported files give other vectors than the encoder (largest difference {difference:.1e}).",
            "Nothing was exported. Please report this with the name of the base.",
        )
    return difference


def summary(export: Export) -> Sequence[str]:
    """What to print after an export: where it is, and how to load it."""
    return (
        f"{safe(export.model)} was exported to {export.folder} ({export.format}).",
        f"Its vectors are those of the encoder (largest difference {export.difference:.1e}). To load it:",
        "",
        export.code.strip(),
    )
