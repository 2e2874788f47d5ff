"""What a run ships: trits and numbers in a safe, checksummed file, and the published file format."""
