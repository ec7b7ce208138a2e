package probe

import (
	"errors"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// Preflight is what of this kernel and these privileges matters to portwatch.
type Preflight struct {
	Kernel       string          `json:"kernel"`       // release, as uname(1) prints it
	Architecture string          `json:"architecture"` // machine, as uname(1) prints it
	BTF          bool            `json:"btf"`
	Lockdown     string          `json:"lockdown,omitempty"`
	Capabilities map[string]bool `json:"capabilities"`
	CgroupRoot   string          `json:"cgroup_root,omitempty"`
	HostPidns    bool            `json:"host_pidns"` // every process can be seen
	Netns        int             `json:"netns"`      // network namespaces found
	NetnsEntered int             `json:"netns_entered"`
	Hooks        []Hook          `json:"hooks"` // of both tiers
}

// Check looks at everything that Open depends on, and attaches every hook of
// both tiers for a moment. The error is that of Open, if none of it can work.
func Check() (Preflight, error) {
	var uts unix.Utsname
	pre := Preflight{Capabilities: make(map[string]bool), Lockdown: Lockdown(), HostPidns: seesAllProcesses()}
	if unix.Uname(&uts) == nil {
		pre.Kernel, pre.Architecture = unix.ByteSliceToString(uts.Release[:]), unix.ByteSliceToString(uts.Machine[:])
	}
	caps, err := Capabilities()
	if err != nil {
		return pre, err
	}
	for _, c := range []Capability{CapBPF, CapPerfmon, CapNetAdmin, CapSysPtrace, CapSysAdmin} {
		pre.Capabilities[c.String()] = caps.Has(c)
	}
	pre.CgroupRoot, _ = findCgroupRoot()
	for inum, path := range findNamespaces() {
		pre.Netns++
		if inum == netnsOf("/proc/self/ns/net") || inNamespace(path, func() error { return nil }) == nil {
			pre.NetnsEntered++
		}
	}
	p := new(Probe)
	defer p.Close()
	if err := p.prepare(Options{}); err != nil {
		pre.BTF = p.kernel != nil
		return pre, err
	}
	pre.BTF = true
	var errs error
	for _, h := range hooks() {
		err := p.attachHook(h)
		if h.ipv6 && errors.Is(err, btf.ErrNotFound) {
			continue
		}
		pre.Hooks = append(pre.Hooks, Hook{Name: h.name, Concern: h.concern, Tier: h.tier, Attached: err == nil, Err: err})
		errs = errors.Join(errs, err)
	}
	for _, c := range concerns {
		if !covered(pre.Hooks, c) {
			return pre, unsupported(errs)
		}
	}
	return pre, nil
}

// covered reports whether all hooks of one tier of the concern are attached.
func covered(hooks []Hook, c Concern) bool {
	for _, tier := range []Tier{FExit, CGroup} {
		found, all := false, true
		for _, h := range hooks {
			if h.Concern == c && (h.Tier == tier || h.Tier == "") {
				found, all = true, all && h.Attached
			}
		}
		if found && all {
			return true
		}
	}
	return false
}
