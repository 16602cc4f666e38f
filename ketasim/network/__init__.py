"""Networks: cells, synapses, the default circuit, and topologies prepared for the kernel."""
