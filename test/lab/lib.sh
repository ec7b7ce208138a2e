# shellcheck shell=bash
# What the lab's scripts share: the cache, and one run of a virtual machine.
# Sourced by them. QEMU emulates the processor; neither KVM nor root is needed
# to run a machine, root only to make the image of 'rootfs'.
#
# Exit codes of vmtest and vmrun: the program's own, or
#   124 time-out   125 the lab itself failed   126 the guest's kernel panicked
#   127 the guest stopped without a result
# Environment of both:
#   PORTWATCH_LAB_CACHE   where downloads are kept (.cache/lab of the checkout)
#   PORTWATCH_VM_TIMEOUT  seconds (300)
#   PORTWATCH_VM_MEMORY   MiB (1024)
#   PORTWATCH_VM_CPUS     (1)
#   PORTWATCH_VM_APPEND   added to the kernel's command line
#   PORTWATCH_VM_MODULES  names of kernel modules to load first
#   PORTWATCH_VM_ENV      names of environment variables to pass on
#   PORTWATCH_VM_CONSOLE  the file that keeps the kernel's log

LAB=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
ME=$(basename "$0")

die() {
	echo "$ME: $*" >&2
	exit 125
}

CACHE=${PORTWATCH_LAB_CACHE:-$LAB/../../.cache/lab}
CACHE=$(mkdir -p "$CACHE" && cd "$CACHE" && pwd) || die "cannot make the cache"

# scratch PARENT: a folder of this run's own in $WORK, gone at its end.
scratch() {
	WORK=$(mktemp -d "$1/$ME.XXXXXX") || exit 125
	chmod 755 "$WORK"
	trap 'rm -rf "$WORK"' EXIT
	trap 'exit 130' INT TERM
}

# lock: one script at a time downloads; it ends with the script.
lock() {
	exec 9>"$CACHE/lock"
	flock -w 900 9 || die "somebody else has been downloading for 15 minutes"
}

# again COMMAND...: up to three tries, for what comes over a network.
again() {
	local try
	for try in 1 2 3; do
		"$@" && return
		echo "$ME: try $try failed: $*" >&2
		sleep "$try"
	done
	return 1
}

# quote WORD...: as a shell would have to be given them.
quote() {
	local word
	for word in "$@"; do printf "'%s' " "${word//\'/\'\\\'\'}"; done
}

# pack FOLDER: the folder as an archive that the kernel unpacks, on stdout.
pack() { (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet --reproducible); }

# base FILE FUNCTION: makes the archive FILE of what FUNCTION puts into the
# folder that it is given, unless it is there and newer than the lab.
base() {
	if [ "$1" -nt "$LAB/$ME" ] && [ "$1" -nt "$LAB/lib.sh" ]; then return; fi
	if ! { mkdir "$WORK/base" && "$2" "$WORK/base" && pack "$WORK/base" >"$WORK/base.cpio" && mv "$WORK/base.cpio" "$1"; }; then
		die "cannot make $1"
	fi
}

# modules TO NAME...: copies modules of $KERNEL, and those which they depend on,
# to the folder TO, numbered in loading order. What is built in is passed over.
modules() {
	local to=$1 name path depends
	shift
	for name in "$@"; do
		compgen -G "$to/*-$name.ko" >/dev/null && continue
		path=$(find "$KERNEL/modules/kernel" \( -name "$name.ko*" -o -name "${name//_/-}.ko*" \) -print -quit)
		[ -n "$path" ] || continue
		depends=$(modinfo -F depends "$path")
		# shellcheck disable=SC2086 # words, one a module
		[ -z "$depends" ] || modules "$to" ${depends//,/ }
		case $path in *.xz) xz -dc "$path" ;; *.zst) zstd -dcq "$path" ;; *) cat "$path" ;; esac \
			>"$to/$(printf %02d "$(find "$to" -name '*.ko' | wc -l)")-$name.ko"
	done
}

# environment: 'export' lines for the variables that PORTWATCH_VM_ENV names.
environment() {
	local name
	for name in GOTRACEBACK GOMAXPROCS ${PORTWATCH_VM_ENV:-}; do
		[ -z "${!name+set}" ] || echo "export $name=$(quote "${!name}")"
	done
}

# boot CMDLINE QEMU...: boots $KERNEL with $WORK/initrd, prints what the guest
# writes to its second serial port, and exits with the exit code that it writes
# to its third, behind $NONCE: nothing the program prints can pass for it.
boot() {
	local append=$1 console=${PORTWATCH_VM_CONSOLE:-$WORK/console} seconds=${PORTWATCH_VM_TIMEOUT:-300}
	local code tag sender result pid
	shift
	: >"$WORK/result"
	: >"$console"
	# Whatever becomes of this script, QEMU ends: with it, or when the time is up.
	setpriv --pdeathsig TERM timeout -k 5 "$seconds" "$@" -smp "${PORTWATCH_VM_CPUS:-1}" -m "${PORTWATCH_VM_MEMORY:-1024}" \
		-nodefaults -no-user-config -display none -no-reboot -accel tcg,thread=multi \
		-kernel "$KERNEL/vmlinux" -initrd "$WORK/initrd" \
		-append "quiet panic=-1 oops=panic cryptomgr.notests $append ${PORTWATCH_VM_APPEND:-}" \
		-chardev file,id=console,path="$console" -chardev stdio,id=out,signal=off -chardev file,id=result,path="$WORK/result" \
		</dev/null 2>"$WORK/qemu.err" &
	pid=$!
	trap 'kill $pid 2>/dev/null; exit 130' INT TERM
	wait $pid
	code=$?
	trap 'exit 130' INT TERM

	read -r tag sender result <<<"$(tr -d '\0\r' <"$WORK/result" | head -n 1)"
	if grep -aqE 'Kernel panic - not syncing|Oops: |kernel BUG at|general protection fault|KASAN:' "$console"; then
		echo "$ME: the guest's kernel panicked:" >&2
		grep -aE -A40 'Kernel panic|Oops|BUG|fault|Call Trace' "$console" | head -n 60 >&2
		exit 126
	fi
	grep -aE 'Out of memory|WARNING: CPU|soft lockup|rcu.*stall' "$console" | sed "s/^/$ME: console: /" >&2
	if [ "$tag" = result ] && [ "$sender" = "$NONCE" ]; then
		exit "$result"
	fi
	case $code in
	0) echo "$ME: the guest stopped without a result; the end of its console:" >&2 ;;
	124 | 137) echo "$ME: time-out after $seconds s; the end of the console:" >&2 ;;
	*) die "QEMU ended with $code: $(cat "$WORK/qemu.err")" ;;
	esac
	tail -n 25 "$console" >&2
	[ "$code" = 0 ] && exit 127
	exit 124
}
