"""A command of `tapio` runs in a child process with limits, and the parent tells how it ended (ADR 33)."""
