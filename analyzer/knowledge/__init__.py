"""YAML knowledge: load, check, compile."""
