"""The open, append-only part of a recording: its layout, how frames are packed, written, read and surveyed."""
