package alert

import (
	"container/heap"
	"time"
)

// deadlines are the alerts that wait for a moment, the first one on top.
type deadlines []*entry

// set has e wait until due, or no longer if due is never.
func (d *deadlines) set(e *entry, due time.Duration) {
	e.due = due
	switch {
	case due == never && e.index > 0:
		heap.Remove(d, e.index-1)
	case due == never:
	case e.index > 0:
		heap.Fix(d, e.index-1)
	default:
		heap.Push(d, e)
	}
}

// What container/heap asks for.

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].due < d[j].due }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i+1, j+1
}

func (d *deadlines) Push(x any) {
	e := x.(*entry)
	*d = append(*d, e)
	e.index = len(*d)
}

func (d *deadlines) Pop() any {
	last := len(*d) - 1
	e := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	e.index = 0
	return e
}
