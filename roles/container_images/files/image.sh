#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Make a docker-archive of one image without a daemon. STORE keeps layers between two images.
#
#   image.sh build STORE OUTPUT IMAGE BASE_NAME BASE_ARCHIVE PACKAGES CONTAINERFILE CONTEXT [OPTION...]
#     BASE_NAME is the image to start from. Where BASE_ARCHIVE is not empty, it is a root file system to make that image of,
#     with no more than PACKAGES (separated by spaces), what they need, and what every Debian has.
#     OPTION... are for `buildah build`.
#   image.sh pull STORE OUTPUT IMAGE SOURCE
#     SOURCE is the reference of a published image; the archive has it under the name IMAGE.
set -eu

action=$1 store=$2 output=$3 image=$4
shift 4

# --isolation chroot: a RUN step needs no container engine, and no cgroup that we may write to.
export BUILDAH_ISOLATION=chroot
in_store() {
	buildah --root "$store/root" --runroot "$store/run" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"
}

build() {
	base=$1 base_archive=$2 packages=$3 containerfile=$4 context=$5
	shift 5
	# --timestamp 0: the same input gives the same image, and nothing is handed over again.
	if [ -n "$base_archive" ] && ! in_store images --quiet "$base" >/dev/null 2>&1; then
		container=$(in_store from scratch)
		in_store add --quiet "$container" "$base_archive" / >/dev/null
		# In one layer with what was added, so that what is removed is not in the image at all.
		# shellcheck disable=SC2016 # it is for the shell in there
		in_store run "$container" -- sh -euc \
			'apt-mark auto $(apt-mark showmanual); apt-mark manual $0; apt-get autoremove --purge --yes' "$packages" >/dev/null
		in_store config --cmd /bin/sh "$container"
		in_store commit --quiet --timestamp 0 --rm "$container" "$base" >/dev/null
	fi
	in_store build --quiet --timestamp 0 --build-arg "BASE=$base" --tag "$image" --file "$containerfile" "$@" "$context" >/dev/null
}

pull() {
	in_store pull --quiet "$1" >/dev/null
	in_store tag "$1" "$image"
	[ "$1" = "$image" ] || in_store rmi "$1" >/dev/null
}

mkdir -p "$store"
exec 9>"$store/lock"
flock 9
# Two plays may want the same image: the second waits and finds it made.
if [ -e "$output" ]; then
	exit 0
fi

case $action in
build | pull) "$action" "$@" ;;
*)
	echo "image.sh: there is no action '$action', only build and pull" >&2
	exit 2
	;;
esac

trap 'rm -f "$output.new"' EXIT
rm -f "$output.new"
in_store push --quiet "$image" "docker-archive:$output.new:$image"
mv "$output.new" "$output"
# The archive is what is kept; layers of the base are shared and stay.
in_store rmi "$image" >/dev/null
in_store rmi --prune >/dev/null
