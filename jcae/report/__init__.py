"""The report of a finished run: a folder of static pages that say what ran and what came out."""
