#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash
# First process of the initial file system: bring the disk up, lay this boot's files into it, go on there.
set -e
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /modules/order); do
	/bin/busybox insmod "/modules/$module"
done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox cp -a /payload/. /root/
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init
