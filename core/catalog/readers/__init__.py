"""Any table in a file, as rows of text: delimited text, JSON lines, Parquet, SQLite."""

from core.catalog.readers.rows import BadRow, Reason, Row, Table
from core.catalog.readers.table import read_table

__all__ = ["BadRow", "Reason", "Row", "Table", "read_table"]
