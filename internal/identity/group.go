package identity

import (
	"time"

	"portwatch/internal/event"
)

// A group is what a cgroup path says of the processes in it.
type group struct {
	unit string
	container
	at time.Time
}

const (
	groupAge   = time.Minute // a container may be given another name
	groupRetry = time.Second // its files may not have been there yet
)

// group returns what path says.
func (r *Resolver) group(path string, now time.Time) *group {
	g, ok := r.groups.get(path)
	if ok && now.Sub(g.at) >= groupAge || ok && g.wanting() && now.Sub(g.at) >= groupRetry {
		ok = false
	}
	if !ok {
		g = &group{unit: unitOf(path), at: now}
		var above string
		g.container, above = containerOf(path)
		switch {
		case above == "":
		case r.namedByRoot(above):
			r.engines.describe(&g.container)
		default:
			// Another's files, or none, would have to tell.
			g.rootless, g.podUID = true, ""
		}
		r.groups.put(path, g)
	}
	return g
}

// wanting reports whether the files of an engine may yet say more.
func (g *group) wanting() bool { return g.id != "" && !g.found && !g.rootless }

// tell writes what g says to p. It returns when to ask again because the
// engine had not said all; the zero time if it had.
func (g *group) tell(p *event.Process) (retry time.Time) {
	p.Unit = g.unit
	p.ContainerID, p.ContainerRuntime = g.id, g.runtime
	p.ContainerName, p.ContainerImage = g.name, g.image
	p.ContainerRootless = g.rootless
	p.PodUID, p.PodName, p.PodNamespace = g.podUID, g.podName, g.podNamespace
	if g.wanting() {
		retry = g.at.Add(groupRetry)
	}
	return retry
}
