"""What is kept and can be checked by anyone: evidence of epochs, and proofs from it."""
