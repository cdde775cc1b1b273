#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# First process of the guest: mounts, the network that QEMU expects, udev, and sshd.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
hostname guest
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
/usr/lib/systemd/systemd-udevd --daemon
mkdir -p /run/sshd
/usr/sbin/sshd -o UsePAM=no -o PermitRootLogin=prohibit-password
# Children of others end up here and must be waited for.
while :; do
	sleep 3600 &
	wait $!
done
