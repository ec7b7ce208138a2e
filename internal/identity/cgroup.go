package identity

import (
	"bytes"
	"strings"

	"portwatch/internal/event"
)

// completeCgroup finds the cgroup of p where the kernel side did not tell all
// of it. It leaves "" if it is not known: "/" means that there is none.
func (r *Resolver) completeCgroup(p *event.Process) {
	missing := p.Cgroup == "" || strings.HasPrefix(p.Cgroup, cut)
	if r.proc.legacy {
		// An engine may sort its containers in any hierarchy, and the
		// unified one be empty.
		if path := r.cgroup(p); path != "" {
			p.Cgroup = path
		} else if missing || p.Cgroup == "/" {
			p.Cgroup = ""
		}
		return
	}
	if !missing {
		if p.CgroupID != 0 {
			r.cgroups.put(p.CgroupID, p.Cgroup)
		}
		return
	}
	if p.Cgroup = r.cgroup(p); p.Cgroup == "" && p.CgroupID != 0 {
		p.Cgroup, _ = r.cgroups.get(p.CgroupID)
	}
}

// cgroup asks /proc for the cgroup of p.
func (r *Resolver) cgroup(p *event.Process) string {
	if !r.proc.host {
		return ""
	}
	path := parseCgroups(r.proc.read(p.PID, "cgroup"))
	if path == "" || !r.proc.is(p.PID, p.Start) {
		return ""
	}
	return path
}

// parseCgroups returns the path in which a process is sorted, from a file in
// the form of proc_pid_cgroup(5): one that names a container, else that of the
// unified hierarchy, of systemd's own, or of any that is not the root.
func parseCgroups(b []byte) string {
	var unified, named, other string
	for line := range bytes.Lines(b) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		// A path that leads out of our cgroup namespace says nothing.
		if !ok || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/..") {
			continue
		}
		path = path[:min(len(path), cgroupBytes)]
		if _, above := containerOf(path); above != "" {
			return path
		}
		switch {
		case id == "0" && controllers == "":
			unified = path
		case controllers == "name=systemd":
			named = path
		case len(path) > len(other):
			other = path
		}
	}
	for _, path := range [...]string{unified, named, other} {
		if len(path) > 1 {
			return path
		}
	}
	if unified != "" || named != "" {
		return "/"
	}
	return ""
}
