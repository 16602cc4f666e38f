"""How fast ketasim is, beside other simulators on the same networks; `python -m benchmarks` measures and prints.

Nothing here computes a network: ketasim's side is `ketasim.kernels.spiking_network.run_window`, the function that
`ketasim.run` calls.
"""
