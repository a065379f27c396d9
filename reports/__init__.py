"""Post-mortem document → HTML page, terminal, Neo4j, graph files."""
