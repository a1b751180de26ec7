"""The stages of training: which parameters, which loss."""
