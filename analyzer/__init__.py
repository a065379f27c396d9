"""The offline program `tapio`: capture → tables → entities → symptoms → causes → root cause → post-mortem document."""
