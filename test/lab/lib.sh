# shellcheck shell=bash
# What the lab's scripts share; sourced by them, from their own folder.
#
# Exit codes of vmtest and vmrun: the program's own; 124 time-out, 125 the lab
# itself failed, 126 the guest's kernel panicked, 127 the guest stopped without
# a result.

LAB=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# Everything that is downloaded or made; deleting any of it is safe.
CACHE=${PORTWATCH_LAB_CACHE:-$LAB/../../.cache/lab}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
ME=$(basename "$0")

die() { echo "$ME: $*" >&2; exit 125; }

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

# quote WORD: as a shell would have to be given it.
quote() { printf "'%s' " "${1//\'/\'\\\'\'}"; }

# pack FOLDER: the folder as an archive that the kernel unpacks, on stdout.
pack() { (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet --reproducible); }

# modules FROM TO NAME...: copies kernel modules and what they depend on to
# the folder TO, numbered in loading order. Names that are built in are passed
# over.
modules() {
	local from=$1 to=$2 name path depends
	shift 2
	for name in "$@"; do
		compgen -G "$to/*-$name.ko" >/dev/null && continue
		path=$(find "$from/kernel" \( -name "$name.ko" -o -name "$name.ko.xz" -o -name "${name//_/-}.ko" -o -name "${name//_/-}.ko.xz" \) | head -n 1)
		[ -n "$path" ] || continue
		local file=$WORK/module.$name.ko
		case $path in *.xz) xz -dc "$path" ;; *) cat "$path" ;; esac >"$file"
		depends=$(modinfo -F depends "$file" 2>/dev/null | tr , ' ')
		# shellcheck disable=SC2086
		[ -z "$depends" ] || modules "$from" "$to" $depends
		mv "$file" "$to/$(printf %02d "$(find "$to" -name '*.ko' | wc -l)")-$name.ko"
	done
}

# boot SECONDS COMMAND...: runs QEMU, killed when the time is up. The guest's
# kernel log goes to $WORK/console, its result to $WORK/result.
boot() {
	local seconds=$1 watchdog
	shift
	: >"$WORK/console"
	: >"$WORK/result"
	"$@" -nodefaults -no-user-config -display none -no-reboot -accel tcg,thread=multi \
		-chardev file,id=console,path="$WORK/console" -chardev stdio,id=out,signal=off \
		-chardev file,id=result,path="$WORK/result" </dev/null 2>"$WORK/qemu.err" &
	QEMU=$!
	(
		sleep "$seconds" &
		sleeper=$!
		trap 'kill $sleeper 2>/dev/null' EXIT
		trap exit TERM
		wait $sleeper
		: >"$WORK/timed-out"
		kill -9 $QEMU
	) >/dev/null 2>&1 &
	watchdog=$!
	{ wait $QEMU; } 2>/dev/null
	QEMU_CODE=$?
	QEMU=
	kill $watchdog 2>/dev/null
	wait $watchdog 2>/dev/null
}

# judge NONCE OUT: takes the result line that the guest wrote on a port of its
# own (nothing that the program prints can pass for it), unpacks behind it what
# the guest left for us into OUT, and exits.
judge() {
	local tag nonce code uptime
	read -r tag nonce code uptime <<<"$(head -c 200 "$WORK/result" | head -n 1 | tr -d '\0')"
	if grep -aqE 'Kernel panic - not syncing|Oops: |kernel BUG at|general protection fault|KASAN:' "$WORK/console"; then
		echo "$ME: the guest's kernel panicked:" >&2
		grep -aE -A40 'Kernel panic|Oops|BUG|fault|Call Trace' "$WORK/console" | head -n 60 >&2
		exit 126
	fi
	if [ -e "$WORK/timed-out" ]; then
		echo "$ME: time-out; the end of the console:" >&2
		tail -n 25 "$WORK/console" >&2
		exit 124
	fi
	if [ "$tag" != result ] || [ "$nonce" != "$1" ]; then
		[ "$QEMU_CODE" = 0 ] || { cat "$WORK/qemu.err" >&2; die "QEMU ended with $QEMU_CODE"; }
		echo "$ME: the guest stopped without a result; the end of the console:" >&2
		tail -n 25 "$WORK/console" >&2
		exit 127
	fi
	grep -aE 'Out of memory|WARNING: CPU|soft lockup|rcu.*stall' "$WORK/console" | sed "s/^/$ME: console: /" >&2
	local header
	header=$(head -n 1 "$WORK/result" | wc -c)
	if [ -n "$2" ] && [ "$(stat -c %s "$WORK/result")" -gt "$header" ]; then
		mkdir -p "$2"
		tail -c +$((header + 1)) "$WORK/result" | tar -C "$2" -xf - || echo "$ME: the guest's files came back damaged" >&2
	fi
	[ -z "${PORTWATCH_VM_VERBOSE:-}" ] || echo "$ME: exit code $code after ${uptime}s in the guest" >&2
	exit "$code"
}

# scratch: a folder of this run's own in $WORK, gone at the end, and QEMU with it.
scratch() {
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/$ME.XXXXXX") || exit 125
	QEMU=
	trap '[ -z "$QEMU" ] || kill -9 $QEMU 2>/dev/null; rm -rf "$WORK"' EXIT
	trap 'exit 130' INT TERM
}
