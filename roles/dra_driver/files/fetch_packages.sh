#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fetch pinned Python packages for an image: fetch_packages.sh PYTHON VERSION REQUIREMENTS OUTPUT
# PYTHON runs pip, with its own settings; VERSION is the Python that will import them, on this machine's architecture. Only
# built packages are taken, whose hashes REQUIREMENTS names; nothing of them is executed.
set -eu

python=$1 version=$2 requirements=$3 output=$4

# Two plays may want the same folder: the second waits and finds it made.
exec 9>"$output.lock"
flock 9
if [ -e "$output" ]; then
	exit 0
fi

work=$(mktemp -d "$output.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile --require-hashes \
	--only-binary :all: --implementation cp --python-version "$version" \
	--platform "manylinux_2_17_$(uname -m)" --platform "manylinux2014_$(uname -m)" \
	--requirement "$requirements" --target "$work/packages" 9>&- || {
	echo "fetch_packages.sh: pip could not fetch the packages of $requirements for Python $version: see its message above;" \
		"is the Python package index reachable?" >&2
	exit 1
}
chmod -R u=rwX,go=rX "$work/packages"
mv "$work/packages" "$output"
