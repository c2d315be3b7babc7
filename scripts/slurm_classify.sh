#!/usr/bin/env bash
#SBATCH --job-name=clipcls
#SBATCH --requeue
#SBATCH --open-mode=append
# One task of a Slurm array classifies its shard of the pictures:
#
#   sbatch --array=1-64 scripts/slurm_classify.sh OUT -l labels.txt /data/photos
#
# OUT/0007-of-0064.jsonl has task 7's records, and that name only when the shard is done; until then they are in
# OUT/0007-of-0064.jsonl.part. A task that is requeued goes on behind the last whole record there, one that was done is
# not done again. Exit status: 0, 1 when the shard has a failed picture or an expectation was not met, 2 and above
# when it is not done.
#
# To run some shards again, name how many there are: CLIPCLS_SHARDS=64 sbatch --array=7,9 ...
# CLIPCLS is the program, by default clipcls of the PATH.
set -euo pipefail

complain() {
    echo "slurm_classify.sh: $*" >&2
    exit 2
}

[ $# -ge 2 ] || complain "usage: sbatch --array=1-N slurm_classify.sh OUT OPTIONS AND INPUTS OF CLIPCLS"
out=$1
shift
task=${SLURM_ARRAY_TASK_ID:?is not set: submit with sbatch --array=1-N}
shards=${CLIPCLS_SHARDS:-${SLURM_ARRAY_TASK_COUNT:?is not set: submit with sbatch --array=1-N}}
# An array of 3 and 7 counts 2 tasks, and one from 0 has no task N.
if [ -z "${CLIPCLS_SHARDS:-}" ] && [ "${SLURM_ARRAY_TASK_MIN:-1}-${SLURM_ARRAY_TASK_MAX:-$shards}" != "1-$shards" ]; then
    complain "the array is not 1-N: set CLIPCLS_SHARDS to the number of shards"
fi
if [ "$task" -lt 1 ] || [ "$task" -gt "$shards" ]; then
    complain "there is no task $task of $shards shards"
fi

mkdir -p "$out"
printf -v whole '%s/%04d-of-%04d.jsonl' "$out" "$task" "$shards"
# Quotes within a string are escaped: only a failed record has this.
no_failures() { ! grep -q '"error":{"code":"' "$1"; }

if [ ! -e "$whole" ]; then
    # Two tasks of one shard, the old one on a node that the controller has lost, must not write to one file. Some
    # file systems have no locks (status above 1): there that is the scheduler's care alone.
    exec 9>>"$whole.part"
    flock -n 9 || [ $? -ne 1 ] || complain "$whole.part: another task writes it"
    status=0
    "${CLIPCLS:-clipcls}" ${SLURM_CPUS_PER_TASK:+--threads "$SLURM_CPUS_PER_TASK"} --format jsonl \
        --shard "$task/$shards" --resume "$whole.part" "$@" >&9 || status=$?
    [ "$status" -le 1 ] || exit "$status"
    sync "$whole.part"
    mv "$whole.part" "$whole"
    [ "$status" -eq 0 ] || exit "$status"
fi
# What an earlier run of the task has written counts, too.
no_failures "$whole"
