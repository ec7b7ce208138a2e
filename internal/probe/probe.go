// Package probe owns every kernel object of portwatch: it loads the BPF
// programs, picks the hooks that attach on this kernel, reads and decodes
// their events and lists what is open. Nothing is pinned: when the process
// ends, however it ends, all of it is gone from the kernel.
package probe

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// Options choose how a Probe is opened. The zero value is what a user wants.
type Options struct {
	Tier      Tier // "" is Auto
	RingBytes int  // size of the ring buffer, a power of two; 0 is 1 MiB
	NoHooks   bool // take snapshots only
}

// A Probe is attached to the kernel from Open to Close.
type Probe struct {
	kernel *btf.Spec
	cache  *btf.Cache
	spec   *ebpf.CollectionSpec
	maps   *ebpf.Collection // the maps and variables; programs are held by their links
	iters  struct{ tcp, udp, file *link.Iter }
	links  []link.Link
	hooks  []Hook
	tier   Tier
	since  time.Duration

	reader *ringbuf.Reader
	record ringbuf.Record
	raw    raw
	last   lastProcess
	root   struct {
		once sync.Once
		path string
		err  error
	}

	hostNetns uint32
	ownNetns  uint32

	snapshot sync.Mutex // one at a time: the iterators share last_row
}

// Open loads the programs and attaches them, for each concern in the best
// tier that attaches. Events are recorded from then on. The error tells what is missing and what helps; it
// is an *UnsupportedError where the kernel or the privileges do not allow it.
func Open(opts Options) (*Probe, error) {
	p := new(Probe)
	if err := p.open(opts); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Probe) open(opts Options) error {
	if err := p.prepare(opts); err != nil {
		return err
	}
	if !opts.NoHooks {
		if err := p.attach(opts.Tier); err != nil {
			return unsupported(err)
		}
	}
	// Kernel BTF takes some 10 MB that nobody needs from here on.
	p.kernel, p.cache, p.spec = nil, nil, nil
	debug.FreeOSMemory()
	p.since = Boottime()
	return nil
}

// prepare makes everything that hooks need.
func (p *Probe) prepare(opts Options) (err error) {
	p.ownNetns, p.hostNetns = namespaces()
	if p.spec, err = loadBpf(); err != nil {
		return fmt.Errorf("read the embedded object: %w", err)
	}
	if opts.RingBytes != 0 {
		p.spec.Maps[bpfMapPwEvents].MaxEntries = uint32(opts.RingBytes)
	}
	p.cache = btf.NewCache()
	if p.kernel, err = p.cache.Kernel(); err != nil {
		return unsupported(fmt.Errorf("%w: %w", ErrNoBTF, err))
	}
	if err := p.loadMaps(); err != nil {
		return unsupported(fmt.Errorf("create maps: %w", err))
	}
	if p.reader, err = ringbuf.NewReader(p.maps.Maps[bpfMapPwEvents]); err != nil {
		return fmt.Errorf("map the ring buffer: %w", err)
	}
	if err := p.loadIterators(); err != nil {
		return unsupported(err)
	}
	return nil
}

func (p *Probe) loadMaps() error {
	maps := p.spec.Copy()
	clear(maps.Programs)
	var err error
	p.maps, err = ebpf.NewCollectionWithOptions(maps, ebpf.CollectionOptions{Cache: p.cache})
	return err
}

// load loads one program into the maps of the probe. Each is loaded alone,
// so that a refusal is that of one program and costs no other.
func (p *Probe) load(name string) (*ebpf.Program, error) {
	one := p.spec.Copy()
	for n := range one.Programs {
		if n != name {
			delete(one.Programs, n)
		}
	}
	coll, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{Cache: p.cache, MapReplacements: p.maps.Maps})
	if err != nil {
		return nil, err
	}
	defer coll.Close()
	return coll.DetachProgram(name), nil
}

func (p *Probe) loadIterators() error {
	for name, it := range map[string]**link.Iter{
		bpfProgPwIterTcp: &p.iters.tcp, bpfProgPwIterUdp: &p.iters.udp, bpfProgPwIterFile: &p.iters.file,
	} {
		prog, err := p.load(name)
		if err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
		*it, err = link.AttachIter(link.IterOptions{Program: prog})
		prog.Close()
		if err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
	}
	return nil
}

func (p *Probe) attach(want Tier) error {
	tiers := []Tier{want}
	if want == Auto || want == "" {
		tiers = []Tier{FExit, CGroup}
	}
	p.tier = tiers[0]
	for _, c := range concerns {
		var errs error
		for _, tier := range tiers {
			err := p.attachConcern(c, tier)
			if err == nil {
				errs = nil
				if tier == CGroup {
					p.tier = CGroup
				}
				break
			}
			errs = errors.Join(errs, err)
			if c != TCPClose && tier == FExit && len(tiers) > 1 && errors.Is(err, unix.EPERM) {
				// What one trampoline is refused the others are too.
				tiers = tiers[1:]
			}
		}
		if errs != nil {
			return errs
		}
	}
	return nil
}

// Tier returns the tier in which ports are seen to open: FExit only if every
// concern is.
func (p *Probe) Tier() Tier { return p.tier }

// Since returns the boot time after the last hook was attached. The record of
// events is complete from then on. Before it, opens and closes may lack their
// counterpart: such events would leave phantoms and take away what is open.
func (p *Probe) Since() time.Duration { return p.since }

// Hooks returns the hooks that were tried, in the order of attaching.
func (p *Probe) Hooks() []Hook { return p.hooks }

// Detach ends the flow of events. Those on the ring buffer can still be read:
// after a Flush, Read returns ErrFlushed behind the last one.
func (p *Probe) Detach() error {
	var errs error
	for _, l := range p.links {
		errs = errors.Join(errs, l.Close())
	}
	p.links = nil
	return errs
}

// Close detaches and frees all kernel objects. A Read under way returns
// os.ErrClosed.
func (p *Probe) Close() error {
	errs := p.Detach()
	for _, it := range []*link.Iter{p.iters.tcp, p.iters.udp, p.iters.file} {
		if it != nil {
			errs = errors.Join(errs, it.Close())
		}
	}
	if p.reader != nil {
		errs = errors.Join(errs, p.reader.Close())
	}
	if p.maps != nil {
		p.maps.Close()
	}
	return errs
}

// What Read returns beside events.
var (
	ErrFlushed = ringbuf.ErrFlushed // everything before the call of Flush was read
	ErrClosed  = os.ErrClosed
)

// Read waits for the next event and writes it to ev. It is for one goroutine.
// A record that carries nothing but a wake-up after a loss, and an event from
// before Since, leave ev.Type 0.
func (p *Probe) Read(ev *event.Event) error {
	if err := p.reader.ReadInto(&p.record); err != nil {
		return err
	}
	if err := p.decode(p.record.RawSample, ev); err != nil {
		return err
	}
	if ev.Boot < p.since {
		ev.Type = 0
	}
	ev.Time = wall(ev.Boot)
	return nil
}

// Drained reports whether the last Read took the last record of the ring.
func (p *Probe) Drained() bool { return p.record.Remaining == 0 }

// Flush makes Read return ErrFlushed once it has returned every event that
// is on the ring now.
func (p *Probe) Flush() error { return p.reader.Flush() }
