"""One incident in one file: the container, what it says of itself, writing and reading it."""
