"""What every method must keep to, and a new one to start from."""
