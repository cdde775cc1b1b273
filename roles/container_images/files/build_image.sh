#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Build one image without a daemon: build_image.sh STORE BASE_NAME BASE_ARCHIVE OUTPUT IMAGE CONTAINERFILE CONTEXT [OPTION...]
# BASE_NAME is the image to start from. Where BASE_ARCHIVE is not empty, it is a root file system to make that image of.
# STORE keeps the base between two images. OUTPUT becomes a docker-archive; OPTION... are for `buildah build`.
set -eu

store=$1 base=$2 base_archive=$3 output=$4 image=$5 containerfile=$6 context=$7
shift 7

# --isolation chroot: a RUN step needs no container engine, and no cgroup that we may write to.
export BUILDAH_ISOLATION=chroot
in_store() {
	buildah --root "$store/root" --runroot "$store/run" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"
}

mkdir -p "$store"
exec 9>"$store/lock"
flock 9
# Two plays may want the same image: the second waits and finds it made.
if [ -e "$output" ]; then
	exit 0
fi

# --timestamp 0: the same input gives the same image, and nothing is handed over again.
if [ -n "$base_archive" ] && ! in_store images --quiet "$base" >/dev/null 2>&1; then
	container=$(in_store from scratch)
	in_store add --quiet "$container" "$base_archive" / >/dev/null
	in_store config --cmd /bin/sh "$container"
	in_store commit --quiet --timestamp 0 --rm "$container" "$base" >/dev/null
fi

in_store build --quiet --timestamp 0 --build-arg "BASE=$base" --tag "$image" --file "$containerfile" "$@" "$context" >/dev/null

trap 'rm -f "$output.new"' EXIT
rm -f "$output.new"
in_store push --quiet "$image" "docker-archive:$output.new:$image"
mv "$output.new" "$output"
# The archive is what is kept; layers of the base are shared and stay.
in_store rmi "$image" >/dev/null
in_store rmi --prune >/dev/null
