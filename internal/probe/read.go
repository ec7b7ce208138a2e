package probe

import (
	"bytes"
	"errors"

	"portwatch/internal/event"
)

// lastProcess is the opener of the last open event: a process that opens many
// sockets is decoded and kept once.
type lastProcess struct {
	record  []byte // what of the record describes the process
	process *event.Process
}

// decode turns a record of the ring buffer into an event, without its wall
// time.
func (p *Probe) decode(b []byte, ev *event.Event) error {
	*ev = event.Event{}
	r := &p.raw
	if _, err := r.parse(b); err != nil {
		if errors.Is(err, errShort) {
			return nil
		}
		return err
	}
	var err error
	if ev.Socket, err = r.socket(p.hostNetns); err != nil {
		return err
	}
	ev.Boot, ev.Origin = bootTime(r.Time), event.Live
	switch r.Kind {
	case kindOpen:
		ev.Type = event.Open
		ev.Owner = r.owner()
		ev.Process = p.opener(r)
	case kindClose:
		// The process that the record names is the last holder, not the
		// opener: the inventory knows whose socket it was.
		ev.Type = event.Close
	}
	return nil
}

// opener returns the process of r, the same one as last time if nothing in it
// differs.
func (p *Probe) opener(r *raw) *event.Process {
	if l := p.last.process; l != nil && l.PID == r.Pid && l.TID == r.Tid && l.Start == bootTime(r.Start) &&
		l.PPID == r.Ppid && l.UID == r.Uid && l.GID == r.Gid && l.CgroupID == r.Cgroup &&
		l.ExeInode == r.ExeIno && l.ExeDevice == r.ExeDev && l.ExeDeleted == (r.Flags&flagHasExe != 0 && r.ExeNlink == 0) &&
		l.Comm == string(comm(&r.Comm)) && bytes.Equal(p.last.record, r.text) {
		return l
	}
	p.last.process = r.process()
	p.last.record = append(p.last.record[:0], r.text...)
	return p.last.process
}
