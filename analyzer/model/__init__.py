"""The model of a capture: from recorded tables to who is who, what changed, and the facts. One way in: `build.py`."""
