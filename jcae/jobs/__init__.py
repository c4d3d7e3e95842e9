"""From the config to the folder of a finished block."""
