"""The network floor: cells, synapses, the default circuit, and topologies built for the kernel."""
