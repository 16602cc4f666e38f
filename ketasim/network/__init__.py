"""The network floor: topologies from the default circuit or from files and graphs, built for the kernel."""
