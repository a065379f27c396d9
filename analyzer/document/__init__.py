"""From findings to the post-mortem document: evidence resolved, figures over time, everything named in it."""
