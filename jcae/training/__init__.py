"""The one loop that trains all seeds of a block, and what it stands on."""
