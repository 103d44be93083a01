#!/usr/bin/env bash
# tests/slurm/cluster.sh FOLDER: a whole Slurm (munged, slurmctld, slurmd on two hosts n1 and n2 with
# two CPUs and two stand-in GPUs each) in namespaces of its own, all its files in FOLDER. Says
# "ready" in FOLDER/state once both nodes are idle, or why not. Ends, with every process and network
# it started, when its standard input does. cluster.py starts it; it has to be root.
#
# A host is a network namespace with a name, joined to the others by a bridge; programs and files
# are the machine's. Nothing under /etc is read, and /run and /dev/shm are its own.
set -euo pipefail

folder=$1
self=$(realpath "${BASH_SOURCE[0]}")
if [ "${2:-}" != inside ]; then # --kill-child: the end of this process is the end of them all
    exec unshare --net --mount --pid --fork --mount-proc --kill-child "$self" "$folder" inside
fi

make_hosts() {
    mount -t tmpfs none /run # our own, here
    mount -t tmpfs none /dev/shm
    mkdir -m 755 /run/netns /run/munge
    ip link set lo up
    ip link add hosts type bridge
    ip addr add 10.77.0.254/24 dev hosts
    ip link set hosts up
    local i
    for i in 1 2; do
        ip netns add n$i
        ip link add to-n$i type veth peer name eth0 netns n$i
        ip link set to-n$i master hosts up
        ip -n n$i addr add 10.77.0.$i/24 dev eth0
        ip -n n$i link set eth0 up
        ip -n n$i link set lo up
    done
}

# on_host NAME COMMAND...; `ip netns exec` would hide the cgroups that slurmd looks for
on_host() {
    # shellcheck disable=SC2016 # for the inner shell
    nsenter --net="/run/netns/$1" unshare --uts sh -c 'hostname "$0"; exec "$@"' "$@"
}

configure() {
    mkdir -p "$folder"/{state,log} "$folder"/{spool,tmp}/{n1,n2}
    dd if=/dev/urandom of=/run/munge/key bs=1024 count=1 2>/dev/null
    chmod 400 /run/munge/key
    echo 'Name=gpu File=/dev/tty[1-2]' >"$folder/gres.conf" # any two devices: stand-ins
    cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(10.77.0.254)
AuthType=auth/munge
# a requeued job waits as long as a credential lives: minutes by default
AuthInfo=socket=/run/munge/sock,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.%n.pid
SlurmdSpoolDir=$folder/spool/%n
TmpFS=$folder/tmp/%n
StateSaveLocation=$folder/state
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
GresTypes=gpu
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
KillWait=5
SlurmdTimeout=10
SlurmdParameters=config_overrides
NodeName=n1 NodeAddr=10.77.0.1 CPUs=2 Gres=gpu:2 State=UNKNOWN
NodeName=n2 NodeAddr=10.77.0.2 CPUs=2 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes=n1,n2 Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=60 State=UP
PartitionName=high Nodes=n1,n2 PriorityTier=10 PreemptMode=OFF State=UP
CONF
}

start_daemons() {
    local m=/run/munge node
    munged -F --key-file="$m/key" --socket="$m/sock" --pid-file="$m/pid" --log-file="$m/log" \
        --seed-file="$m/seed" >"$folder/log/munged.out" 2>&1 &
    until [ -S "$m/sock" ]; do sleep 0.05; done
    slurmctld -D >"$folder/log/slurmctld.out" 2>&1 &
    for node in n1 n2; do
        on_host $node slurmd -D >"$folder/log/slurmd.$node.out" 2>&1 &
    done
}

idle_nodes() { timeout 1 sinfo -h -p low -t idle -o %D 2>/dev/null || true; }

export SLURM_CONF=$folder/slurm.conf
make_hosts
configure
start_daemons
until [ "$(idle_nodes)" = 2 ]; do
    if ((SECONDS > 90)); then
        echo "Slurm did not come up in 90 s: see $folder/log" >"$folder/state.txt"
        exit 1
    fi
    sleep 0.05
done
echo ready >"$folder/state.txt"
read -r _ || true # end of input: whoever started this is gone
