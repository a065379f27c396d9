"""The node program `tapio-recorder`: sources → batches → journal → segments → ring on disk → freeze."""
