"""The post-mortem document: its data classes, and reading it back from JSON."""
