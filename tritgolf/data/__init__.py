"""From text, or somebody's shards, to the tokens of a training step."""
