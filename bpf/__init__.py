"""Kernel programs in C, one per source, and the header tree they compile against."""
