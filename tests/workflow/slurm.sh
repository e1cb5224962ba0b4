#!/usr/bin/env bash
# A SLURM of one machine, without accounting, from Debian's packages; nothing is installed, everything lies below FOLDER.
#   slurm.sh unpack FOLDER   download and unpack munge, slurmctld, slurmd and what this machine lacks of their libraries
#   slurm.sh start FOLDER    write the configuration, start the daemons, wait until the node is idle (root)
#   slurm.sh controller FOLDER   start slurmctld again, which goes on from its saved state
#   slurm.sh stop FOLDER     cancel all jobs and end the daemons
# Its commands are in FOLDER/bin.
set -euo pipefail
verb=$1 here=$2 root=$2/root
export SLURM_CONF=$here/slurm.conf LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu/slurm-wlm

unpack() {
    mkdir -p "$here/debs" "$root" "$here/bin"
    timeout 120 apt-get -qq update || true # lists of an earlier update may do
    names=$(apt-get -s install --no-install-recommends slurmctld slurmd slurm-client munge | awk '$1 == "Inst" { print $2 }')
    (cd "$here/debs" && timeout 300 apt-get -qq download $names)
    for deb in "$here"/debs/*.deb; do dpkg -x "$deb" "$root"; done
    for tool in sbatch scancel scontrol sinfo squeue srun sacct sacctmgr sshare; do
        printf '#!/bin/sh\nexport SLURM_CONF=%q\nLD_LIBRARY_PATH=%q exec %q "$@"\n' \
            "$SLURM_CONF" "$LD_LIBRARY_PATH" "$root/usr/bin/$tool" >"$here/bin/$tool"
    done
    chmod +x "$here"/bin/*
}

start() {
    mkdir -p "$here/state" "$here/spool"
    dd if=/dev/urandom of="$here/munge.key" bs=1 count=1024 status=none
    chmod 600 "$here/munge.key"
    cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmctldPort=${SLURM_PORT:-16817}
SlurmdPort=$((${SLURM_PORT:-16817} + 1))
AuthType=auth/munge
AuthInfo=socket=$here/munge.socket
CredType=cred/munge
PluginDir=$root/usr/lib/x86_64-linux-gnu/slurm-wlm
StateSaveLocation=$here/state
SlurmdSpoolDir=$here/spool
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
ReturnToService=2
MailProg=/bin/true
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$(awk '/MemTotal/ { print int($2 / 1100) }' /proc/meminfo)
PartitionName=all Nodes=ALL Default=YES MaxTime=30 State=UP
CONF
    "$root/usr/sbin/munged" --key-file="$here/munge.key" --socket="$here/munge.socket" --pid-file="$here/munged.pid" \
        --seed-file="$here/munge.seed" --log-file="$here/munged.log" --force
    "$root/usr/sbin/slurmctld-wlm" -L "$here/slurmctld.log"
    "$root/usr/sbin/slurmd-wlm" -d "$root/usr/sbin/slurmstepd-wlm" -L "$here/slurmd.log"
    for _ in $(seq 60); do
        "$here/bin/sinfo" -h -o %t 2>/dev/null | grep -q '^idle$' && return
        sleep 0.5
    done
    tail -n 5 "$here"/*.log >&2
    return 1
}

controller() {
    "$root/usr/sbin/slurmctld-wlm" -L "$here/slurmctld.log"
}

ours() { pgrep -f "^$root/usr/s?bin/" || true; }

stop() {
    timeout 10 "$here/bin/scancel" --user=root || true
    for _ in $(seq 20); do # until no job is left
        [ -n "$(timeout 10 "$here/bin/squeue" --noheader 2>/dev/null)" ] || break
        sleep 0.5
    done
    kill $(ours) 2>/dev/null || true
    for _ in $(seq 20); do
        [ -n "$(ours)" ] || return 0
        sleep 0.5
    done
    kill -9 $(ours) 2>/dev/null || true
    sleep 1
}

"$verb"
