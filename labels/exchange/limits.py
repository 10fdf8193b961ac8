"""How large the parts of a table or file of labels may be that comes in, whatever its format.

Larger is a broken file, or an attack on the memory. What one part breaks costs its row; the README and the help of
`samesku import products` name the figures.
"""

#: Characters of one value; a description has thousands.
MAX_VALUE = 1 << 20
#: Characters of one row: of its line in a text file, of its values elsewhere.
MAX_ROW = 1 << 22
MAX_COLUMNS = 4096
#: Characters of an id, and of a column's name, which stands in every product that has a value in it.
MAX_NAME = 1000
