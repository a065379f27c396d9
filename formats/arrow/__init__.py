"""Arrow data that is not trusted, decoded within limits, and matched against the catalog."""
