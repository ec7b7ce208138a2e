package identity

import "strings"

// A container is what a cgroup path and the files of an engine say of one.
type container struct {
	runtime, id, name, image      string
	podUID, podName, podNamespace string

	rootless bool // not root named the cgroup
	found    bool // an engine's file told the name
}

// scopes are how engines name the cgroups of their containers, followed by an
// id; with or without .scope at the end.
var scopes = [...]struct{ prefix, runtime string }{
	{"docker-", "docker"},
	{"cri-containerd-", "containerd"},
	{"crio-", "cri-o"},
	{"libpod-payload-", "podman"}, // below the cgroup of a unit: podman --cgroups=split, Quadlet
	{"libpod-", "podman"},
	{"nerdctl-", "containerd"},
	{"lxc.payload.", "lxc"},
}

// containerOf finds the container that a cgroup lies in: the outermost, which
// is the host's own. What is inside a container names itself. The second
// result is the cgroup above, whose owner gave the name.
func containerOf(path string) (c container, above string) {
	var previous string
	for i := 0; i < len(path); {
		rest := path[i+1:]
		name, _, _ := strings.Cut(rest, "/")
		if uid := podUID(name); uid != "" && strings.Contains(path[:i+1+len(name)], "kubepods") {
			c.podUID = uid
		}
		if c.runtime, c.id, c.name = containerName(name, previous); c.id != "" || c.name != "" {
			return c, path[:max(i, 1)]
		}
		previous = name
		i += 1 + len(name)
	}
	return container{}, ""
}

// containerName takes the name of one cgroup apart; previous is the name of
// the one above it.
func containerName(name, previous string) (runtime, id, given string) {
	// runc without systemd calls the cgroup as it would ask systemd to.
	if slice, rest, ok := strings.Cut(name, ".slice:"); ok && slice != "" {
		prefix, rest, _ := strings.Cut(rest, ":")
		name = prefix + "-" + rest
	}
	name = strings.TrimSuffix(name, ".scope")
	for _, s := range scopes {
		rest, ok := strings.CutPrefix(name, s.prefix)
		switch {
		case !ok:
		case s.runtime == "lxc" && rest != "":
			return s.runtime, "", rest
		case isID(rest):
			return s.runtime, rest, ""
		}
	}
	switch {
	case isID(name):
		// Whose it is, the engines' files tell; but docker's own folder is
		// its alone.
		if previous == "docker" {
			return "docker", name, ""
		}
		return "", name, ""
	case previous == "lxc" && name != "":
		return "lxc", "", name
	case previous == "machine.slice":
		if s, ok := strings.CutPrefix(name, "systemd-nspawn@"); ok {
			return "systemd-nspawn", "", strings.TrimSuffix(unescape(s), ".service")
		}
		if s, ok := strings.CutPrefix(name, "machine-"); ok && !strings.HasPrefix(s, `qemu\x2d`) {
			return "systemd-nspawn", "", unescape(s)
		}
	}
	return "", "", ""
}

// isID reports whether s is a container id as all engines but lxc make them.
func isID(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// podUID returns the uid of the pod that a cgroup of the kubelet is named
// after, as in kubepods-burstable-pod<uid>.slice, where systemd's way of
// nesting slices needs _ for -, or pod<uid>.
func podUID(name string) string {
	name, _, _ = strings.Cut(name, ":")
	name, slice := strings.CutSuffix(name, ".slice")
	if slice {
		i := strings.LastIndex(name, "-pod")
		if i < 0 {
			return ""
		}
		name = name[i+1:]
	}
	uid, ok := strings.CutPrefix(name, "pod")
	if !ok {
		return ""
	}
	if slice {
		uid = strings.ReplaceAll(uid, "_", "-")
	}
	// A pod of the API has a UUID, one of the kubelet's own folder a hash.
	if len(uid) != 36 && len(uid) != 32 || strings.Trim(uid, "0123456789abcdefABCDEF-") != "" {
		return ""
	}
	return uid
}

// unescape undoes the \x2d of names of units; see systemd-escape(1).
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+3 < len(s) && s[i] == '\\' && s[i+1] == 'x' {
			hi, lo := hexDigit(s[i+2]), hexDigit(s[i+3])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789abcdef", c) }

// namedByRoot reports whether only root can have given names in the cgroup
// above. Whoever was delegated a part of the tree, such as each user below
// user@UID.service, makes cgroups in it and calls them what he likes, also
// docker-<the id of somebody else's container>.scope.
func (r *Resolver) namedByRoot(above string) bool {
	for _, hierarchy := range r.hierarchies {
		if f, err := statAt(r.host.root + hierarchy + above); err == nil {
			return f.onlyRoots()
		}
	}
	// Not to be seen from here: services are what is delegated to.
	return !strings.Contains(above, ".service")
}

// findHierarchies finds out which of the folders that may hold cgroups do.
func (r *Resolver) findHierarchies() {
	for _, dir := range cgroupHierarchies {
		if _, err := statAt(r.host.root + dir + "/cgroup.procs"); err == nil {
			r.hierarchies = append(r.hierarchies, dir)
		}
	}
}

// cgroupHierarchies are where the tree in which processes are sorted may be:
// the unified one, the unified one of a hybrid set-up, systemd's own of v1,
// and one of v1 that every engine uses.
var cgroupHierarchies = [...]string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/memory"}
