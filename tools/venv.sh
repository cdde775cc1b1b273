#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Print the folder of the virtual environment that holds the locked requirements, making it first where it is missing.
# Usage: tools/venv.sh [run|test]; "test" adds what the tests need to the same environment.
set -eu

want=${1:-run}
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mirage.accel

python=$(command -v python3.11 || command -v python3) || {
	echo "venv: Python 3.11 is missing: install the Debian packages python3 and python3-venv" >&2
	exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	echo "venv: $python is older than Python 3.11, which ansible-core 2.19 needs: install the Debian package python3" >&2
	exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
	echo "venv: $python has no ensurepip: install the Debian package python3-venv" >&2
	exit 1
}

key=$(cat "$top/requirements/run.txt" "$top/requirements/test.txt" "$top/tools/venv.sh" | sha256sum | cut -c1-12)
venv=$cache/venv/$key
mkdir -p "$cache/venv"

# Two makes at once must not install into one folder.
exec 9>"$cache/venv/$key.lock"
flock 9

install() {
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
		--requirement "$top/requirements/$1.txt" >&2 9>&- || {
		echo "venv: pip could not install requirements/$1.txt into $venv: see its message above;" \
			"is the Python package index reachable?" >&2
		exit 1
	}
	touch "$venv/.mirage-$1"
}

if [ ! -e "$venv/.mirage-run" ]; then
	echo "Making the virtual environment $venv (about 2 minutes the first time)" >&2
	rm -rf "$venv"
	"$python" -m venv "$venv" >&2 9>&-
	install run
fi
if [ "$want" = test ] && [ ! -e "$venv/.mirage-test" ]; then
	echo "Adding the test requirements to $venv (about 1 minute the first time)" >&2
	install test
fi
echo "$venv"
