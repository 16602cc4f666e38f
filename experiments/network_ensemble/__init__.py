"""Parts of ``experiments/calibrate_network.py``."""
