"""Foreign recordings → captures: one file per format."""
