#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Name everything that is missing before anything is built: root, Python, Go, a C compiler and its headers.
set -eu

missing=0
go_minor=26 # of Go 1: what the pinned go.mod files ask for

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
if command -v gcc >/dev/null 2>&1 && ! echo '#include <stdlib.h>' | gcc -E -x c - >/dev/null 2>&1; then
	echo "preflight: gcc finds no headers of the C library: install the Debian package libc6-dev" >&2
	missing=1
fi
install_go="install Go 1.$go_minor or newer (the Debian package golang-go of a backport, or an upstream release)"
need go "$install_go"
if command -v go >/dev/null 2>&1; then
	# go1.26.8, go1.27rc1 or "devel go1.27-abc". Outside of any module, so that no go.mod here chooses another toolchain.
	version=$(cd / && go env GOVERSION 2>/dev/null) || version=
	minor=${version##*go1.}
	minor=${minor%%[!0-9]*}
	if [ "${minor:-0}" -lt "$go_minor" ]; then
		echo "preflight: $(command -v go) is ${version:-of unknown version}, older than go1.$go_minor: $install_go" >&2
		missing=1
	fi
fi
exit "$missing"
