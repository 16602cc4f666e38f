"""Import and export of networks: networkx, GraphML, SONATA, edge lists, circuit files; the rules are in `assemble`."""
