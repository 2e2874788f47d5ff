"""What a user does with a trained artifact: load it, talk to it, score a text, share it."""
