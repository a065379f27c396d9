"""Captures that can be shared: nothing leaks, and the same diagnosis comes out.

What is not declared is dropped: phrases of messages (`prose`, `vocabulary/phrases.txt`), fields of objects with their
shape (`leaves`, `vocabulary/leaves.txt`), addresses and ports of values (`values`). Names stay as pseudonyms.

The way of a capture: collect every name (`batches` with a `Collector`) → replace each by its pseudonym (`batches` with
`Pseudonyms`) → write a new capture → read both back and search the copy for every original value (`scan`). Only then is
the file given its name.
"""
