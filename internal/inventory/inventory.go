// Package inventory is the one model of what is open on the host: a socket is
// in it from its open event, or from the snapshot that found it, until its
// close event, or until a snapshot no longer has it. It does no I/O.
//
// The merge rule. A snapshot takes time, and while it is taken sockets open
// and close. Begin marks the moment; from then on the inventory remembers
// which sockets an event spoke of. Merge then takes, for each socket, the
// word of whoever spoke last:
//
//   - an event came since Begin: the event's word, whatever the row says;
//   - no event came: the row's word. Open if there is one, closed if not.
//
// This is exact if (a) Begin is called long enough before the snapshot for
// the effect of every event older than Begin to be visible in it, and (b)
// Merge is called after all events that are older than the end of the
// snapshot were given to the inventory. The caller waits for both.
package inventory

import (
	"iter"
	"time"

	"portwatch/internal/event"
)

// MaxSockets is how many sockets are kept: about 20 MB. What opens beyond it
// is judged like any other but not remembered, and counted.
const MaxSockets = 65536

// A Socket is an open socket and what is known of it.
type Socket struct {
	event.Socket
	Owner    event.Owner
	Process  *event.Process
	Origin   event.Origin
	Time     time.Time     // of the event or of the snapshot that told of it
	Boot     time.Duration // the same on CLOCK_BOOTTIME
	OpenedAt time.Time     // zero if nobody saw it open

	Verdict  event.Verdict
	Rule     string
	Severity event.Severity

	Silent bool // nobody was told that it opened, so nobody is told that it closes

	listed bool   // a snapshot has had it
	spoken uint64 // the merge during which an event last spoke of it
}

// at reports whether s is bound to the same address and port as other.
func (s *Socket) at(other *event.Socket) bool {
	return s.Address == other.Address && s.Port == other.Port
}

// Silence has the close of s told to nobody, as its open was.
func (s *Socket) Silence() {
	if s != nil {
		s.Silent = true
	}
}

// Event returns the open event of s, without a verdict.
func (s *Socket) Event(host *event.Host) *event.Event {
	return &event.Event{
		Time: s.Time, Boot: s.Boot, Type: event.Open, Origin: s.Origin,
		Socket: s.Socket, Owner: s.Owner, Process: s.Process, OpenedAt: s.OpenedAt, Host: host,
	}
}

// Inventory is not safe for concurrent use.
type Inventory struct {
	max     int
	sockets map[uint64]*Socket
	refused uint64

	merges  uint64              // how many merges were begun
	closed  map[uint64]struct{} // during a merge: what events closed
	merging bool
	blind   bool // closed is full: the merge under way cannot be exact
}

// New returns an empty inventory that keeps at most limit sockets.
func New(limit int) *Inventory {
	return &Inventory{max: limit, sockets: make(map[uint64]*Socket)}
}

// Len returns how many sockets are open.
func (v *Inventory) Len() int { return len(v.sockets) }

// Refused returns how many sockets were not kept because of the limit.
func (v *Inventory) Refused() uint64 { return v.refused }

// All yields the open sockets in no particular order.
func (v *Inventory) All() iter.Seq2[uint64, *Socket] {
	return func(yield func(uint64, *Socket) bool) {
		for k, s := range v.sockets {
			if !yield(k, s) {
				return
			}
		}
	}
}

// Get returns the socket with that key, or nil.
func (v *Inventory) Get(key uint64) *Socket { return v.sockets[key] }

// find returns the socket that s speaks of and its key. A socket that was
// found without a cookie is kept under its address.
func (v *Inventory) find(s *event.Socket) (uint64, *Socket) {
	key := s.Key()
	if have := v.sockets[key]; have != nil {
		return key, have
	}
	if s.Kernel != 0 {
		if have := v.sockets[s.Kernel]; have != nil {
			return s.Kernel, have
		}
	}
	return key, nil
}

// Open takes an open event. It returns false if the socket was known to be
// open at that address: the event is old news, but what it says of the opener
// is kept. If the socket was open elsewhere (it lost its port and was bound
// anew), moved is what it was.
func (v *Inventory) Open(ev *event.Event) (added bool, moved *Socket) {
	key, have := v.find(&ev.Socket)
	if v.merging {
		delete(v.closed, key)
	}
	if have != nil {
		if have.at(&ev.Socket) {
			v.describe(have, ev)
			have.spoken = v.merges
			return false, nil
		}
		moved = have
		delete(v.sockets, key)
		key = ev.Socket.Key()
	}
	v.add(key, ev)
	return true, moved
}

func (v *Inventory) add(key uint64, ev *event.Event) *Socket {
	if len(v.sockets) >= v.max {
		v.refused++
		return nil
	}
	s := &Socket{Origin: ev.Origin, Time: ev.Time, Boot: ev.Boot, spoken: v.merges}
	if ev.Origin != event.Snapshot {
		s.OpenedAt = ev.Time
	}
	v.describe(s, ev)
	v.sockets[key] = s
	return s
}

// describe writes what ev says to s. An event that knows less of the owner
// than we do does not take that away.
func (v *Inventory) describe(s *Socket, ev *event.Event) {
	cookie := s.Cookie
	s.Socket = ev.Socket
	if s.Cookie == 0 {
		s.Cookie = cookie
	}
	if s.Process == nil || ev.Owner >= s.Owner && ev.Process != nil {
		s.Owner, s.Process = ev.Owner, ev.Process
	}
}

// Judge keeps the verdict that ev carries, and what was found out about its
// opener on the way.
func (v *Inventory) Judge(ev *event.Event) {
	if _, s := v.find(&ev.Socket); s != nil {
		s.Verdict, s.Rule, s.Severity = ev.Verdict, ev.Rule, ev.Severity
		s.Scope = ev.Socket.Scope
		if ev.Process != nil {
			s.Process = ev.Process
		}
	}
}

// Close takes a close event and returns what was closed, nil if the socket
// was not known. A close is known by its socket alone: the kernel may have
// taken the port away already.
func (v *Inventory) Close(ev *event.Event) *Socket {
	key, have := v.find(&ev.Socket)
	v.bury(key)
	if ev.Socket.Kernel != 0 && ev.Socket.Kernel != key {
		v.bury(ev.Socket.Kernel)
	}
	if have == nil {
		return nil
	}
	delete(v.sockets, key)
	return have
}

// maxClosed bounds what a merge remembers: whoever opens and closes ports
// must not choose our memory use.
const maxClosed = 4 * MaxSockets

func (v *Inventory) bury(key uint64) {
	if !v.merging {
		return
	}
	if len(v.closed) >= maxClosed {
		v.blind = true
		return
	}
	v.closed[key] = struct{}{}
}

// Begin starts a merge: from now on it is remembered which sockets events
// speak of.
func (v *Inventory) Begin() {
	v.merges++
	v.merging, v.blind = true, false
	v.closed = make(map[uint64]struct{})
}

// Abort ends a merge without a snapshot.
func (v *Inventory) Abort() {
	v.merging, v.closed = false, nil
}

// A Diff is what a merge found to be different from what events had told.
type Diff struct {
	Opened []event.Event // sockets that no event had told of
	Closed []Closed      // sockets whose close no event had told of
}

// Closed is a socket that is gone.
type Closed struct {
	Key    uint64
	Socket *Socket
}

// Merge ends a merge with the snapshot's rows. gone says whether the absence
// of a row means that the socket is closed: where the snapshot could not look
// it does not. It returns ok false, and changes nothing, if more happened
// since Begin than is remembered.
func (v *Inventory) Merge(rows []event.Event, gone func(*Socket) bool) (d Diff, ok bool) {
	closed, blind := v.closed, v.blind
	merge := v.merges
	v.Abort()
	if blind {
		return Diff{}, false
	}
	seen := make(map[uint64]struct{}, len(rows))
	for i := range rows {
		row := &rows[i]
		key, have := v.find(&row.Socket)
		if have != nil && (have.spoken == merge || have.at(&row.Socket)) {
			have.listed = true
			seen[key] = struct{}{}
			if have.spoken != merge {
				v.refresh(have, row)
			}
			continue
		}
		if have != nil { // bound anew
			delete(v.sockets, key)
			d.Closed = append(d.Closed, Closed{key, have})
			key = row.Socket.Key()
		}
		if _, dead := closed[key]; dead {
			continue
		}
		if row.Socket.Kernel != 0 {
			if _, dead := closed[row.Socket.Kernel]; dead && row.Socket.Cookie == 0 {
				continue
			}
		}
		s := v.add(key, row)
		if s == nil {
			continue // no room: its event, if there was one, is not known any more
		}
		s.listed = true
		seen[key] = struct{}{}
		d.Opened = append(d.Opened, *row)
	}
	for key, s := range v.sockets {
		if _, ok := seen[key]; ok || s.spoken == merge || !gone(s) && !s.listed {
			continue
		}
		delete(v.sockets, key)
		d.Closed = append(d.Closed, Closed{key, s})
	}
	return d, true
}

// refresh takes from a row what changes during a socket's life: a UDP socket
// is connected later, an opener that was not known is found.
func (v *Inventory) refresh(s *Socket, row *event.Event) {
	s.PeerPort, s.Role = row.Socket.PeerPort, row.Socket.Role
	if s.Process == nil || s.Owner == event.OwnerUnknown && row.Owner == event.OwnerKnown {
		s.Owner, s.Process = row.Owner, row.Process
	}
}
