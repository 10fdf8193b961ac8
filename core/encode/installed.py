"""Are the model libraries here? The base install labels without them."""

import importlib.util

from core.errors import ModelError

_NEEDED = ("numpy", "torch", "sentence_transformers", "faiss", "sklearn", "huggingface_hub")


def require_model_libraries() -> None:
    """Return if models can run here; looks for the libraries without importing them.

    Raises:
        ModelError: some are not installed; the message names them and the way to get them.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"This needs the model libraries; not installed here: {', '.join(missing)}.",
            "From a clone: pip install -c constraints.txt '.[train,offline]'. Labelling works without them.",
        )
