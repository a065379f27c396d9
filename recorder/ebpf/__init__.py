"""Kernel programs: load, drain the ring buffer as an array."""
