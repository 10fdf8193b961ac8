"""What of a product an encoder or the lexical retriever reads."""

import string

from core.catalog.product import Product
from core.errors import SettingsError

_FIELDS = ("title", "brand", "category", "model", "upc", "gtin")


def render(template: str, product: Product) -> str:
    """The product's text: the template with its fields filled in, and white space made single.

    Raises:
        SettingsError: the template names something that a product does not have.
    """
    return " ".join(template.format_map({name: getattr(product, name) for name in _FIELDS}).split())


def check(template: str) -> str:
    """The template itself, if it can be rendered.

    Raises:
        SettingsError: it names an unknown field, or is not a template.
    """
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise SettingsError(f"encoder.template: {error}.", "Write fields as {title} {brand} {model}.") from error
    unknown = [name for name in names if name not in _FIELDS]
    if unknown or not names:
        raise SettingsError(
            f"encoder.template: {', '.join(unknown) or 'no field at all'}.", f"Use {', '.join(_FIELDS)} in braces."
        )
    return template
