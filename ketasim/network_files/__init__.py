"""Networks from and to files and networkx: GraphML, SONATA, edge lists, circuit files; the rules are in `assemble`."""
