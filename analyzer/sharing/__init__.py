"""Captures that can be shared: nothing leaks, and the same diagnosis comes out.

The way of a capture: collect every sensitive value (`rewriting` with a `Collector`) → replace each by its pseudonym
(`rewriting` with `Pseudonyms`) → write a new capture → read that back and search it for every original (`rescan`).
Only then is the file given its name.
"""
