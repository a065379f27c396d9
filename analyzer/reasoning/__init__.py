"""From facts to findings: symptoms, the graph of what may have caused what, ranked root causes, named failures."""
