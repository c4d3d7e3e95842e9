"""Seeds, and noise without state."""
