package notify

import (
	"container/list"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/state"
)

const (
	queueBucket = "queue/" // and the name of the receiver

	// patience is how many times an entry is tried before the others no
	// longer wait for it: perhaps it is the entry and not the receiver.
	patience = 8
)

// A queue is what a receiver was not yet told. It is in memory, and a copy of
// it on disk for the next start. When it is full the oldest of what matters
// least goes first.
type queue struct {
	bucket             string
	store              *state.Store
	maxItems, maxBytes int

	mu      sync.Mutex
	all     *list.List // of *entry, as they came
	ranks   [event.Critical + 1]*list.List
	bytes   int
	seq     uint64
	dropped uint64
}

// entry is one item in a queue.
type entry struct {
	item
	seq     uint64
	bytes   int
	rank    event.Severity // of an alert; 0 for events: an alert tells of the same
	tries   int
	sending bool

	inAll, inRank *list.Element
}

// subject is what must be told in its order: an alert, or a socket.
type subject struct {
	fingerprint string
	socket      uint64
}

func (e *entry) subject() subject {
	if e.alert != nil {
		return subject{fingerprint: e.alert.Fingerprint}
	}
	return subject{socket: e.event.Socket.Key()}
}

func newQueue(name string, store *state.Store, maxItems, maxBytes int) *queue {
	q := &queue{bucket: queueBucket + name, store: store, maxItems: maxItems, maxBytes: maxBytes, all: list.New()}
	for i := range q.ranks {
		q.ranks[i] = list.New()
	}
	return q
}

// key sorts as seq does.
func key(seq uint64) string { return fmt.Sprintf("%016x", seq) }

// kept is an item as it is on disk.
type kept struct {
	Queued time.Time    `json:"queued"`
	Alert  *alert.Alert `json:"alert,omitempty"`
	Event  *event.Event `json:"event,omitempty"`
}

// load takes over what an earlier run left.
func (q *queue) load(log *slog.Logger) {
	bad := 0
	err := q.store.Load(q.bucket, func(k string, value []byte) {
		var v kept
		var seq uint64
		_, err := fmt.Sscanf(k, "%016x", &seq)
		if err != nil || json.Unmarshal(value, &v) != nil || (v.Alert == nil) == (v.Event == nil) {
			bad++
			q.store.Delete(q.bucket, k)
			return
		}
		q.seq = max(q.seq, seq)
		q.add(&entry{item: item{alert: v.Alert, event: v.Event, at: v.Queued}, seq: seq})
	})
	if err != nil || bad > 0 {
		log.Error("read the queue of a receiver: some of it is lost", "queue", q.bucket, "lost", bad, "err", err)
	}
	q.shrink()
}

// push adds an item.
func (q *queue) push(it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	q.add(&entry{item: it, seq: q.seq})
	// Without the monotonic clock, which means nothing to the next run.
	v := kept{Queued: it.at.Round(0).UTC(), Alert: it.alert, Event: it.event}
	q.store.Add(q.bucket, key(q.seq), func() ([]byte, error) { return json.Marshal(v) })
	q.shrink()
}

func (q *queue) add(e *entry) {
	if e.alert != nil {
		e.rank = min(e.alert.Severity, event.Critical)
	}
	e.bytes = e.cost()
	q.bytes += e.bytes
	e.inAll, e.inRank = q.all.PushBack(e), q.ranks[e.rank].PushBack(e)
}

// cost is about how many bytes an entry takes.
func (e *entry) cost() int {
	const event, alert = 1024, 512
	if e.alert == nil {
		return event
	}
	a := e.alert
	n := alert + len(a.Title) + len(a.Dedup) + len(a.Explain) + len(a.Description) + len(a.Runbook) + len(a.Reference)
	for _, f := range a.Folded {
		n += len(f)
	}
	if len(a.Context) > 0 { // a rule's own, of any size
		b, _ := json.Marshal(a.Context)
		n += len(b)
	}
	if a.Event != nil {
		n += event
	}
	return n
}

// shrink drops what there is no room for: of the lowest rank the oldest.
func (q *queue) shrink() {
	for q.all.Len() > q.maxItems || q.bytes > q.maxBytes {
		victim := q.victim()
		if victim == nil {
			return
		}
		q.remove(victim)
		q.dropped++
	}
}

func (q *queue) victim() *entry {
	for _, rank := range q.ranks {
		for el := rank.Front(); el != nil; el = el.Next() {
			if e := el.Value.(*entry); !e.sending {
				return e
			}
		}
	}
	return nil
}

func (q *queue) remove(e *entry) {
	if e.inAll == nil {
		return // a worker that was replaced and one that replaced it both had it
	}
	q.all.Remove(e.inAll)
	q.ranks[e.rank].Remove(e.inRank)
	e.inAll, e.inRank = nil, nil
	q.bytes -= e.bytes
	q.store.Delete(q.bucket, key(e.seq))
}

// next returns up to limit entries to be sent now, and marks them so.
func (q *queue) next(limit int) []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []*entry
	for el := q.all.Front(); el != nil && len(batch) < limit; el = el.Next() {
		e := el.Value.(*entry)
		if e.tries >= patience {
			break
		}
		batch = append(batch, e)
	}
	if len(batch) == 0 {
		if e := q.leastTried(); e != nil {
			batch = []*entry{e}
		}
	}
	for _, e := range batch {
		e.sending = true
	}
	return batch
}

// leastTried returns the entry that waited for others in vain, or the one
// that was tried least; none before an earlier one on the same subject.
func (q *queue) leastTried() *entry {
	var least *entry
	seen := make(map[subject]bool)
	for el := q.all.Front(); el != nil; el = el.Next() {
		e := el.Value.(*entry)
		s := e.subject()
		if !seen[s] && (least == nil || e.tries/patience < least.tries/patience) {
			least = e
		}
		seen[s] = true
	}
	return least
}

// done removes entries: they were told, or never will be.
func (q *queue) done(entries []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range entries {
		q.remove(e)
	}
}

// back has entries wait again; the first of them was tried.
func (q *queue) back(entries []*entry, tried bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range entries {
		e.sending = false
		if i == 0 && tried {
			e.tries++
		}
	}
	q.shrink()
}

// length returns how many wait, since when the oldest does, and how many were
// dropped so far.
func (q *queue) length() (n int, oldest time.Time, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if el := q.all.Front(); el != nil {
		oldest = el.Value.(*entry).at
	}
	return q.all.Len(), oldest, q.dropped
}

// resize changes the bounds.
func (q *queue) resize(maxItems, maxBytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.maxItems, q.maxBytes = maxItems, maxBytes
	q.shrink()
}
