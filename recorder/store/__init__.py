"""The ring on disk: journaling, sealing, recovery, retention, freeze."""
