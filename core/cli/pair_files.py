"""What the help says of files that name pairs."""

#: A file of pairs.
PAIRS_FILE = "A CSV with the columns query_id and candidate_id, or without a header these two first."
#: One of labelled pairs.
LABELS_FILE = (
    "Labelled pairs: a CSV with the columns query_id, candidate_id and label (1 for a match, else 0), or ltable_id,"
    " rtable_id and label, as `samesku labels export` writes them."
)
