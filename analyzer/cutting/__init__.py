"""The smallest capture that still gives a finding: which rows of a recording it needs."""
