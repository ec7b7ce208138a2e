package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// A Tier is one of two sets of hooks that see the same facts.
type Tier string

// The tiers, best first.
const (
	Auto   Tier = "auto"   // the best that attaches, for each concern
	FExit  Tier = "fexit"  // trampolines: exact, host-wide from any container
	CGroup Tier = "cgroup" // sock_ops and cgroup programs at the root of cgroup2
)

// A Concern is one kind of fact that a hook sees.
type Concern string

// The concerns, in the order in which they are attached: closes first, so
// that nothing is taken for open whose close could not be seen.
const (
	TCPClose Concern = "tcp_close"
	UDPClose Concern = "udp_close"
	UDPOpen  Concern = "udp_open"
	TCPOpen  Concern = "tcp_open"
)

var concerns = []Concern{TCPClose, UDPClose, UDPOpen, TCPOpen}

// A Hook is one place in the kernel that portwatch looks at.
type Hook struct {
	Name     string  `json:"name"` // as bpf(2) programs name it: "fexit/inet_csk_listen_start"
	Concern  Concern `json:"concern"`
	Tier     Tier    `json:"tier,omitempty"` // "" for a hook of both
	Attached bool    `json:"attached"`
	Err      error   `json:"-"` // why it is not attached, if it was tried
}

// A hook attaches one program. ipv6 says that a kernel without IPv6 lacks it.
type hook struct {
	name    string
	concern Concern
	tier    Tier
	program string
	ipv6    bool
	check   func(*btf.Spec) error
	attach  func(*Probe, *ebpf.Program) (link.Link, error)
}

func hooks() []hook {
	return []hook{
		{
			name: "tp_btf/inet_sock_set_state", concern: TCPClose, program: bpfProgPwTcpClose, attach: tracing,
			check: func(k *btf.Spec) error { return checkTracepoint(k, "inet_sock_set_state", "sock", "", "") },
		},
		{
			name: "fentry/udp_lib_unhash", concern: UDPClose, tier: FExit, program: bpfProgPwUdpUnhash, attach: tracing,
			check: func(k *btf.Spec) error { return checkFunc(k, "udp_lib_unhash", "sock") },
		},
		{name: "cgroup/sock_release", concern: UDPClose, tier: CGroup, program: bpfProgPwUdpRelease, attach: cgroup(ebpf.AttachCgroupInetSockRelease)},
		{
			name: "fexit/inet_bind", concern: UDPOpen, tier: FExit, program: bpfProgPwUdpBind4, attach: tracing,
			check: func(k *btf.Spec) error { return checkFunc(k, "inet_bind", "socket") },
		},
		{
			name: "fexit/inet6_bind", concern: UDPOpen, tier: FExit, program: bpfProgPwUdpBind6, attach: tracing, ipv6: true,
			check: func(k *btf.Spec) error { return checkFunc(k, "inet6_bind", "socket") },
		},
		{name: "cgroup/bind4", concern: UDPOpen, tier: CGroup, program: bpfProgPwUdpAsk4, attach: cgroup(ebpf.AttachCGroupInet4Bind)},
		{name: "cgroup/bind6", concern: UDPOpen, tier: CGroup, program: bpfProgPwUdpAsk6, attach: cgroup(ebpf.AttachCGroupInet6Bind), ipv6: true},
		{name: "cgroup/post_bind4", concern: UDPOpen, tier: CGroup, program: bpfProgPwUdpBound4, attach: cgroup(ebpf.AttachCGroupInet4PostBind)},
		{name: "cgroup/post_bind6", concern: UDPOpen, tier: CGroup, program: bpfProgPwUdpBound6, attach: cgroup(ebpf.AttachCGroupInet6PostBind), ipv6: true},
		{
			name: "fexit/inet_csk_listen_start", concern: TCPOpen, tier: FExit, program: bpfProgPwTcpListen, attach: tracing,
			check: func(k *btf.Spec) error { return checkFunc(k, "inet_csk_listen_start", "sock") },
		},
		{name: "sockops/tcp_listen_cb", concern: TCPOpen, tier: CGroup, program: bpfProgPwTcpSockops, attach: cgroup(ebpf.AttachCGroupSockOps)},
	}
}

func tracing(_ *Probe, prog *ebpf.Program) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: prog})
}

func cgroup(at ebpf.AttachType) func(*Probe, *ebpf.Program) (link.Link, error) {
	return func(p *Probe, prog *ebpf.Program) (link.Link, error) {
		root, err := p.cgroupRoot()
		if err != nil {
			return nil, err
		}
		return link.AttachCgroup(link.CgroupOptions{Path: root, Attach: at, Program: prog})
	}
}

// attachConcern attaches all hooks of one concern in one tier, or none.
func (p *Probe) attachConcern(c Concern, tier Tier) (err error) {
	first := len(p.links)
	defer func() {
		if err == nil {
			return
		}
		for _, l := range p.links[first:] {
			l.Close()
		}
		p.links = p.links[:first]
	}()
	for _, h := range hooks() {
		if h.concern != c || h.tier != "" && h.tier != tier {
			continue
		}
		herr := p.attachHook(h)
		if herr != nil && h.ipv6 && errors.Is(herr, btf.ErrNotFound) {
			continue
		}
		p.hooks = append(p.hooks, Hook{Name: h.name, Concern: c, Tier: h.tier, Attached: herr == nil, Err: herr})
		if herr != nil {
			err = errors.Join(err, herr)
		}
	}
	if err != nil {
		for i := range p.hooks {
			if p.hooks[i].Concern == c {
				p.hooks[i].Attached = false
			}
		}
	}
	return err
}

func (p *Probe) attachHook(h hook) error {
	if h.check != nil {
		if err := h.check(p.kernel); err != nil {
			return err
		}
	}
	prog, err := p.load(h.program)
	if err != nil {
		return fmt.Errorf("load %s: %w", h.name, err)
	}
	// The link holds the program.
	defer prog.Close()
	l, err := h.attach(p, prog)
	if err != nil {
		return fmt.Errorf("attach %s: %w", h.name, err)
	}
	p.links = append(p.links, l)
	return nil
}
