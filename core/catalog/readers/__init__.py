"""Readers of tables in files (delimited text, JSON, Excel, Parquet, SQLite), which yield rows of text."""

from core.catalog.readers.rows import BadRow, Reason, Row, Table
from core.catalog.readers.table import read_table

__all__ = ["BadRow", "Reason", "Row", "Table", "read_table"]
