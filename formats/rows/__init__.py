"""Pure functions that turn a raw message of a peer into rows."""
