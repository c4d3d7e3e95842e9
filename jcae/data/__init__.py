"""The data sets: facts (catalogue), getting the files (fetch), reading (loaders), making them uniform (prepare)."""
