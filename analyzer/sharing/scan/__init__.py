"""The second look: what was written is searched for everything that the original held, before anybody gets it.

It shares no code and no list of words with what rewrites (a contract of import-linter holds it to that). It reads the
original capture itself and takes texts apart by rules of its own, so that what the rewriter overlooks is found here.
"""
