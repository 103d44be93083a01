#!/usr/bin/env bash
# tests/comm/hosts.sh COMMAND...: runs COMMAND on a machine of its own with two hosts, n1 and n2, on a
# network: namespaces, in which programs and files are this machine's. mpirun reaches the hosts by
# --mca plm_rsh_agent "$HOSTS_RSH". When COMMAND ends, so do all processes and networks. Takes root.
set -euo pipefail

self=$(realpath "${BASH_SOURCE[0]}")
if [ -z "${HOSTS_RSH:-}" ]; then
    export HOSTS_RSH=$self
    # --kill-child: the end of this process is the end of them all
    exec unshare --net --mount --pid --fork --mount-proc --kill-child "$self" make-hosts "$@"
elif [ "$1" != make-hosts ]; then # HOST COMMAND...: what mpirun takes for ssh
    host=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    exec nsenter --net="/run/netns/$host" unshare --uts \
        sh -c 'hostname "$0"; exec sh -c "$*"' "$host" "$@"
fi

shift
mount -t tmpfs none /run # our own, here
mount -t tmpfs none /dev/shm
mkdir -m 755 /run/netns
ip link set lo up
ip link add hosts type bridge
ip addr add 10.77.0.254/24 dev hosts
ip link set hosts up
for i in 1 2; do
    ip netns add n$i
    ip link add to-n$i type veth peer name eth0 netns n$i
    ip link set to-n$i master hosts up
    ip -n n$i addr add 10.77.0.$i/24 dev eth0
    ip -n n$i link set eth0 up
    ip -n n$i link set lo up
done
"$@" # not exec: this shell is the PID 1 that takes in orphans
