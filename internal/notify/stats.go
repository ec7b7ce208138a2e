package notify

import "time"

// Stats is what became of what a receiver was given.
type Stats struct {
	Name      string
	Delivered uint64
	Failed    uint64 // refused for good, or not writable
	Dropped   uint64 // for want of room
	Queued    int
	OldestAge time.Duration // of what is queued
	Latency   Latency
}

// LatencyBuckets are the upper bounds of Latency.Buckets.
var LatencyBuckets = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	50 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second, time.Minute, time.Hour,
}

// Latency is a histogram of the time from the kernel's time stamp of an
// event to the receiver's acknowledgement.
type Latency struct {
	Buckets [len(LatencyBuckets)]uint64 // how many took at most that long
	Count   uint64
	Sum     time.Duration
}

func (l *Latency) observe(d time.Duration) {
	l.Count++
	l.Sum += d
	for i := len(LatencyBuckets) - 1; i >= 0 && d <= LatencyBuckets[i]; i-- {
		l.Buckets[i]++
	}
}
