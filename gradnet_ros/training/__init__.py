"""Training: shards of pictures -> pairs of crops -> the two stages of the paper."""
