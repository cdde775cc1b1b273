#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Make one Debian root file system as a tar file: build.sh SUITE PACKAGE[,PACKAGE...] OUTPUT [MIRROR]
# It serves as the base of container images, as the root of test hosts and as the disk of virtual machines, so
# whatever must differ between two machines (host keys, machine id, host name, resolver) is left out.
set -eu

suite=$1 packages=$2 output=$3 mirror=${4:-}

# Two plays may want the same file: the second waits and finds it made.
exec 9>"$output.lock"
flock 9
if [ -e "$output" ]; then
	exit 0
fi

work=$(mktemp -d "$output.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

# ${mirror:+...}: without a mirror debootstrap takes the one its script for the suite names.
debootstrap --variant=minbase --include="$packages" "$suite" "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1 || {
	status=$?
	tail -n 20 "$work/log" "$root/debootstrap/debootstrap.log" >&2 2>/dev/null || tail -n 20 "$work/log" >&2
	exit "$status"
}

rm -rf "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old "$root"/var/lib/apt/lists/* "$root"/var/log/*.log \
	"$root"/var/log/apt "$root"/var/cache/ldconfig "$root"/usr/share/man/* "$root"/usr/share/locale/* \
	"$root"/etc/ssh/ssh_host_* "$root"/etc/hostname "$root"/etc/machine-id
# The licences must travel with the binaries; the rest of the documentation need not.
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root" -xdev -name __pycache__ -prune -exec rm -rf {} +
: >"$root/etc/resolv.conf"
# Without this file no pod sandbox starts on a node made from it.
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"

tar --directory "$root" --create --file "$work/rootfs.tar" --numeric-owner --sort=name --exclude='./dev/*' .
sync "$work/rootfs.tar"
mv "$work/rootfs.tar" "$output"
