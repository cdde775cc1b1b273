#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Made by the role mirage.accel.mock_accel
#
#   sign-module.sh KERNEL KEY CERTIFICATE
#
# DKMS runs this in the folder it has built in, when the module lies beside it, perhaps compressed.
set -eu
kernel=$1 key=$2 certificate=$3
sign=/lib/modules/$kernel/build/scripts/sign-file
[ -x "$sign" ] || sign=kmodsign
for module in ../"$kernel"/*/module/mock_accel.ko*; do
	plain=${module%.ko*}.ko
	case $module in
	*.xz) unxz "$module" ;;
	*.gz) gunzip "$module" ;;
	*.zst) unzstd -q --rm "$module" ;;
	esac
	"$sign" sha256 "$key" "$certificate" "$plain"
	# As DKMS has compressed it, for this kernel or for all.
	case $module in
	*.xz) xz -f --check=crc32 "$plain" ;;
	*.gz) gzip -9f "$plain" ;;
	*.zst) zstd -qf --rm "$plain" ;;
	esac
done
