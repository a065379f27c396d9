"""What the recorders of a cluster do together: freeze, by Captures (ADR 34), and elect one, by a Lease (ADR 37)."""
