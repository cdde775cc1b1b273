#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A host of its own for tests, where no container engine is: a root file system in its own mount, process, network,
# name and IPC namespaces, reached by real ssh whose transport is the command `enter` instead of a network.
#
#   test_host.sh start DIR ROOTFS.tar NAME   unpack, start, make keys: DIR/{root,id,known_hosts,pid}
#   test_host.sh enter DIR                   talk ssh on standard input and output (ssh -o ProxyCommand)
#   test_host.sh stop DIR                    end its processes and remove DIR; nothing else is left, as all mounts were private
set -eu

action=$1 dir=$2

start() {
	rootfs=$1 name=$2 root=$dir/root
	mkdir -p "$root"
	tar --directory "$root" --extract --numeric-owner --file "$rootfs"
	ssh-keygen -q -t ed25519 -N '' -C "test of $name" -f "$dir/id"
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$root/etc/ssh/ssh_host_ed25519_key"
	mkdir -p "$root/root/.ssh" "$root/run/sshd"
	chmod 0700 "$root/root/.ssh" "$root/run/sshd"
	cp "$dir/id.pub" "$root/root/.ssh/authorized_keys"
	echo "$name $(cat "$root/etc/ssh/ssh_host_ed25519_key.pub")" >"$dir/known_hosts"
	echo "$name" >"$root/etc/hostname"
	echo "127.0.1.1 $name" >>"$root/etc/hosts"

	setsid unshare --mount --pid --net --uts --ipc --fork --kill-child=KILL --propagation private \
		sh "$0" boot "$dir" "$name" </dev/null >"$dir/log" 2>&1 &
	echo $! >"$dir/pid"
	# The first process inside says by a file that everything is mounted.
	waited=0
	until [ -e "$dir/up" ]; do
		if [ "$waited" -ge 100 ] || ! kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
			cat "$dir/log" >&2
			exit 1
		fi
		waited=$((waited + 1))
		sleep 0.1
	done
}

# Inside the namespaces, as process 1: mounts of a small machine, then the new root, then nothing but waiting.
boot() {
	name=$1 root=$dir/root
	hostname "$name"
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	# A /dev of its own: what is made there never reaches the real one.
	mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
	mount -t tmpfs tmpfs "$root/dev/shm"
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 0666 "$root/dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 0666 "$root/dev/tty" c 5 0
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s fd/0 "$root/dev/stdin"
	ln -s fd/1 "$root/dev/stdout"
	ln -s fd/2 "$root/dev/stderr"
	mkdir -p "$root/.outside"
	: >"$dir/up"
	cd "$root"
	pivot_root . .outside
	umount -l .outside
	rmdir .outside
	exec sleep infinity
}

# The namespaces belong to the child of unshare.
enter() {
	outer=$(cat "$dir/pid")
	inner=$(cut -d " " -f 1 "/proc/$outer/task/$outer/children")
	exec nsenter --target "$inner" --mount --pid --net --uts --ipc --root --wd \
		/usr/sbin/sshd -i -q -o UsePAM=no -o PermitRootLogin=prohibit-password
}

stop() {
	if [ -e "$dir/pid" ]; then
		pid=$(cat "$dir/pid")
		# The number may belong to another program by now; ours names its folder.
		if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "boot $dir "; then
			# unshare heeds no gentler signal while it waits; its child, and with it the namespace, dies at the same time.
			kill -KILL "$pid" 2>/dev/null || true
			# One that has ended but was not waited for has no command line any more.
			while [ -n "$(tr "\0" " " 2>/dev/null <"/proc/$pid/cmdline")" ]; do sleep 0.1; done
		fi
	fi
	rm -rf "$dir"
}

shift 2
case $action in
start | boot | enter | stop) "$action" "$@" ;;
*)
	echo "test_host.sh: unknown action $action: use start, enter or stop" >&2
	exit 2
	;;
esac
