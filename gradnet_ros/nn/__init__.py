"""The network: trunks, GradNet (f2, U1, U2, cross-correlation), losses, checkpoints. Tensors only."""
