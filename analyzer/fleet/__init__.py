"""All recorders of a cluster from a person's desk: what they are doing, one freeze of all, and their files (ADR 34)."""
