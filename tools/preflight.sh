#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Name everything that is missing before anything is built: root, Python, Go, a C compiler, make.
set -eu

missing=0

need() { # need COMMAND WHAT-TO-DO
	command -v "$1" >/dev/null 2>&1 && return
	echo "preflight: $1 is missing: $2" >&2
	missing=1
}

if [ "$(id -u)" -ne 0 ]; then
	echo "preflight: this must run as root (it makes device nodes and starts a cluster): use sudo or a root shell" >&2
	missing=1
fi
need python3 "install the Debian packages python3 and python3-venv"
need gcc "install the Debian packages gcc and libc6-dev"
need go "install Go 1.26 or newer (the Debian package golang-go of a backport, or an upstream release)"
exit "$missing"
