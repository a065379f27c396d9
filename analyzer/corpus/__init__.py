"""The corpus: what many captures of a fleet show together (ADR 40, docs/corpus.md)."""
