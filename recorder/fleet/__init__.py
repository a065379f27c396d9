"""All nodes of a cluster freeze together: each recorder takes part in the Captures of its namespace (ADR 34)."""
