"""The same protocol in Promela, by hand, and Spin beside the explorer and the prover. Spin and gcc are needed here alone."""
