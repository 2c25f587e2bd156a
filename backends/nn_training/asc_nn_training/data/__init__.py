"""Data: a corpus of documents, four disjoint sets of them, a tokenizer, tokens on disk, and batches."""
