"""A closed stretch of one node and one boot: sealing a journal into it, its manifest, reading it."""
