"""What the system decides: rulesets, allocation policy, epochs. Pure functions, no I/O."""
