package probe

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Boottime returns CLOCK_BOOTTIME: the time since boot, suspend included. It
// is the clock that the kernel side stamps events with, and it never jumps.
func Boottime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("read CLOCK_BOOTTIME: %v", err)) // every kernel with BPF has it
	}
	return time.Duration(ts.Nano())
}

// wall returns what the wall clock showed at boot time t, by the difference
// of the two clocks now: the wall clock may have been set since the last call.
func wall(t time.Duration) time.Time {
	return time.Now().Add(t - Boottime()).UTC()
}
