"""The corpus: what many captures of a fleet show together (ADR 41, docs/corpus.md)."""
