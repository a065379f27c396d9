"""One file per command of `tapio`; each defines `command`, a click command. `analyzer.cli` lists them."""
