"""From a corpus to batches: documents, four disjoint sets, a tokenizer, tokens on disk."""
