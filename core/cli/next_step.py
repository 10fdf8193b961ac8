"""The next command after an import or an index run, printed as a line of its own."""

from core.catalog.store import CatalogStore
from core.cli.context import Context
from labels.reader import LabelReader
from labels.wording import counted


def print_next_after_import(context: Context) -> None:
    """Print what follows an import: another import while one side is missing, else the index run."""
    with CatalogStore(context.workspace.catalog) as catalog:
        queries, products = catalog.count("query"), catalog.count("catalog")
    if not products:
        step = "samesku import products FILE --source NAME, with the products to search for matches"
    elif not queries:
        step = "samesku import products FILE --source NAME --role query, with the products to find matches for"
    else:
        step = "samesku index"
    context.out.print(f"Next: {step}", markup=False)


def print_next_after_index(context: Context) -> None:
    """Print what follows an index run: validation, then labels for training, then the results."""
    with LabelReader(context.workspace.labels) as reader:
        validation, closed = reader.validation_queries(), reader.closed_queries()
    if not validation <= closed:
        waiting = counted(len(validation - closed), "blind query", "blind queries")
        step = f"samesku review --stream validation, {waiting} to evaluate on; or samesku review"
    elif not closed - validation:
        step = "samesku review"
    else:
        step = "samesku evaluate, or samesku match --out matches.csv"
    context.out.print(f"Next: {step}", markup=False)
