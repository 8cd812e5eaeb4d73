"""Models and how they learn: backbones, objectives, the one training loop, optimal transport, checkpoints."""
