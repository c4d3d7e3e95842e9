"""A user's own files: what the config says of them (source), reading (reading), a look at them beforehand (look)."""
