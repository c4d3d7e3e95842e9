"""What people see of a run while it lasts, and at its end.

Snakemake's logger interface tells what happens (`handler`), `steps` keeps count, `costs` says how long what is left may
take, `display` shows it: on a terminal with bars that move, elsewhere as plain lines. `summary` is the end.
"""
