#!/bin/sh
# A SLURM on this machine alone, for tests/cluster: .ci/slurm.sh start|stop
#
# Debian's packages; munge; no cgroups, no accounting. Two nodes, both this machine, on two loopback addresses, each with
# made-up GPUs, so that a job of two nodes can be had. Needs root. Where the packages can't be had: "skipped", 0.
set -eu

PATH=$PATH:/usr/sbin:/sbin  # where the daemons are
state=/var/lib/tritgolf-slurm
configuration=/etc/slurm/slurm.conf
mark="# written by tritgolf's .ci/slurm.sh"
nodes="tritgolf1 tritgolf2"
cores=16 memory=64000 gpus=4  # of a node, made up: the tests send several runs at once, which wait for most of their time

skipped() {
    echo "slurm: skipped: $1"
    exit 0
}

install_packages() {
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null && return
    [ "$(id -u)" = 0 ] || skipped "installing it needs root"
    command -v apt-get >/dev/null || skipped "no apt-get here"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -y -q --no-install-recommends slurm-wlm munge; } >/tmp/slurm-install.log 2>&1 ||
        skipped "its packages can't be installed (/tmp/slurm-install.log)"
}

configure() {
    here=$(hostname -s)
    mkdir -p "$state/controller" "$(dirname "$configuration")"
    for number in 1 2; do
        grep -q " tritgolf$number\$" /etc/hosts || echo "127.0.0.$number tritgolf$number" >>/etc/hosts
        mkdir -p "$state/tritgolf$number"
    done
    for number in $(seq "$gpus"); do
        touch "$state/gpu$number"  # what a GRES needs for a device; nothing opens it
    done
    cat >"$configuration" <<EOF
$mark
ClusterName=tritgolf
SlurmctldHost=$here(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
CryptoType=crypto/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SlurmdParameters=config_overrides
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/%n
SlurmctldPidFile=$state/controller.pid
SlurmdPidFile=$state/%n.pid
SlurmctldLogFile=$state/controller.log
SlurmdLogFile=$state/%n.log
ReturnToService=2
MinJobAge=600
KillWait=10
OverTimeLimit=0
SchedulerParameters=batch_sched_delay=0,sched_interval=5,sched_min_interval=0
NodeName=tritgolf1 NodeHostname=$here NodeAddr=127.0.0.1 Port=17001 CPUs=$cores RealMemory=$memory Gres=gpu:$gpus
NodeName=tritgolf2 NodeHostname=$here NodeAddr=127.0.0.2 Port=17002 CPUs=$cores RealMemory=$memory Gres=gpu:$gpus
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
    echo "Name=gpu File=$state/gpu[1-$gpus]" >"$(dirname "$configuration")/gres.conf"
}

start() {
    if command -v sinfo >/dev/null && timeout 10 sinfo >/dev/null 2>&1; then
        echo "slurm: one answers here already"
        exit 0
    fi
    if [ -e "$configuration" ] && ! grep -qxF "$mark" "$configuration"; then
        skipped "$configuration is not ours and its controller does not answer"
    fi
    install_packages
    [ "$(id -u)" = 0 ] || skipped "starting it needs root"
    configure
    mkdir -p /run/munge && chown munge: /run/munge && chmod 755 /run/munge
    pidof munged >/dev/null || runuser -u munge -- /usr/sbin/munged
    slurmctld
    for node in $nodes; do
        slurmd -N "$node"
    done
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --Node --format=%T 2>/dev/null | grep -c '^idle$')" = 2 ]; then
            echo "slurm: ready"
            sinfo
            exit 0
        fi
        sleep 1
    done
    echo "slurm: its nodes did not become idle in a minute; the logs are in $state" >&2
    stop
    exit 1
}

stop() {
    for name in $nodes controller; do
        number=$(cat "$state/$name.pid" 2>/dev/null) || continue
        case $(cat "/proc/$number/comm" 2>/dev/null) in slurm*) kill "$number" ;; esac
    done
    echo "slurm: stopped"
}

case "${1:-start}" in
start) start ;;
stop) stop ;;
*)
    echo "usage: .ci/slurm.sh start|stop" >&2
    exit 2
    ;;
esac
