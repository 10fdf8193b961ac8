"""The text of a product for the encoder and the lexical retriever, rendered from a template."""

import string

from core.catalog.product import Product
from core.errors import SettingsError

_FIELDS = ("title", "brand", "category", "model", "upc", "gtin")


def render(template: str, product: Product) -> str:
    """The template with the product's fields filled in, and runs of white space replaced by one space."""
    return " ".join(template.format_map({name: getattr(product, name) for name in _FIELDS}).split())


def check(template: str) -> str:
    """The template, if it is valid.

    Raises:
        SettingsError: it has an unknown field, no field, or a syntax error.
    """
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise SettingsError(f"encoder.template: {error}.", "Write fields as {title} {brand} {model}.") from error
    unknown = [name for name in names if name not in _FIELDS]
    if unknown or not names:
        raise SettingsError(
            f"encoder.template: {', '.join(unknown) or 'it has no field'}.", f"Use {', '.join(_FIELDS)} in braces."
        )
    return template
