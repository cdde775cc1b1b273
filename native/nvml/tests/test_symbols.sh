#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The built library exports the names of libnvidia-ml.sym and no other.
set -eu

cd "$(dirname "$0")/.."
build=${BUILD:-build}
library=$build/libnvidia-ml.so.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n 's/^\t\(nvml[A-Za-z0-9_]*\);$/\1/p' libnvidia-ml.sym | sort >"$work/wanted"
nm --dynamic --defined-only "$library" | awk '{ print $3 }' | sort >"$work/exported"
if ! diff "$work/wanted" "$work/exported" >"$work/diff"; then
	echo "test_symbols.sh: $library does not export just what libnvidia-ml.sym lists:" >&2
	cat "$work/diff" >&2
	exit 1
fi
