#!/bin/sh
# What has become of a job: one of the three words that snakemake understands.
# Slurm's controller forgets a job after minutes; the accounting, where there is one, does not.
state=$(scontrol --oneliner show job "$1" 2> /dev/null | sed -n 's/.* JobState=\([A-Z_]*\).*/\1/p')
[ -n "$state" ] || state=$(sacct --allocations --noheader --format State --jobs "$1" 2> /dev/null | tr -d ' ')
case "$state" in
  COMPLETED) echo success ;;
  BOOT_FAIL | CANCELLED* | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | TIMEOUT) echo failed ;;
  *) echo running ;;  # also when nobody answers: asked again later
esac
