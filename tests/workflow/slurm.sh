#!/usr/bin/env bash
# A SLURM of one machine, from Debian's packages as they are installed; all its files lie in FOLDER.
#   slurm.sh start FOLDER        write the configuration, start the daemons, wait until the node is idle (root)
#   slurm.sh controller FOLDER   start slurmctld again, which goes on from its saved state
#   slurm.sh accounting FOLDER   start a database and slurmdbd, and the controller again with them
#   slurm.sh stop FOLDER         cancel all jobs and end the daemons
# Its commands are in FOLDER/bin, because the executor takes SLURM_CONF away from srun.
set -euo pipefail
verb=$1 here=$2
port=${SLURM_PORT:-16817}
export SLURM_CONF=$here/slurm.conf PATH=$PATH:/usr/sbin

configure() { # storage of accounting
    cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$here/munge.socket
CredType=cred/munge
StateSaveLocation=$here/state
SlurmdSpoolDir=$here/spool
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill,UsePss
AccountingStorageType=accounting_storage/$1
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port + 2))
AccountingStoragePass=$here/munge.socket
ReturnToService=2
MailProg=/bin/true
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$(awk '/MemTotal/ { print int($2 / 1100) }' /proc/meminfo)
PartitionName=all Nodes=ALL Default=YES MaxTime=30 State=UP
CONF
}

start() {
    mkdir -p "$here/state" "$here/spool" "$here/bin"
    for tool in sbatch scancel scontrol sinfo squeue srun sacct sacctmgr; do
        printf '#!/bin/sh\nSLURM_CONF=%q exec %q "$@"\n' "$SLURM_CONF" "$(command -v $tool)" >"$here/bin/$tool"
    done
    chmod +x "$here"/bin/*
    dd if=/dev/urandom of="$here/munge.key" bs=1 count=1024 status=none
    chmod 600 "$here/munge.key"
    configure none
    munged --key-file="$here/munge.key" --socket="$here/munge.socket" --pid-file="$here/munged.pid" \
        --seed-file="$here/munge.seed" --log-file="$here/munged.log" --force
    controller
    slurmd -L "$here/slurmd.log"
    until_it_answers 30 eval "sinfo -h -o %t | grep -q '^idle$'"
}

controller() { slurmctld -L "$here/slurmctld.log"; }

accounting() {
    mariadb-install-db --no-defaults --user=root --datadir="$here/database" >/dev/null
    mariadbd --no-defaults --user=root --datadir="$here/database" --socket="$here/database.socket" --port=$((port + 3)) \
        --bind-address=127.0.0.1 --skip-grant-tables --pid-file="$here/database.pid" >"$here/database.log" 2>&1 &
    until_it_answers 60 mariadb-admin --no-defaults --socket="$here/database.socket" ping
    cat >"$here/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$here/munge.socket
DbdHost=localhost
DbdPort=$((port + 2))
SlurmUser=root
PidFile=$here/slurmdbd.pid
LogFile=$here/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((port + 3))
CONF
    chmod 600 "$here/slurmdbd.conf"
    end slurmctld
    configure slurmdbd
    slurmdbd
    until_it_answers 60 sacctmgr -i add cluster one
    controller
    until_it_answers 30 eval "sacct -X -n && sinfo -h -o %t | grep -q '^idle$'"
}

until_it_answers() { # seconds, command
    local end=$((SECONDS + $1))
    until "${@:2}" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            tail -n 5 "$here"/*.log >&2
            return 1
        fi
        sleep 0.5
    done
}

end() { # names of daemons; each takes away its file when it ends
    local name file
    for name in "$@"; do
        file=$here/$name.pid
        [ ! -e "$file" ] || ! kill "$(cat "$file")" || until_it_answers 20 test ! -e "$file" || kill -9 "$(cat "$file")"
    done
}

stop() {
    timeout 10 scancel --user=root || true
    until_it_answers 10 eval '[ -z "$(squeue --noheader)" ]' || true
    end slurmd slurmctld slurmdbd database munged
}

"$verb"
