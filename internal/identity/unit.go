package identity

import "strings"

// unitOf returns the systemd unit in which a cgroup lies, "" if in none: below
// the slices the first name is a unit, whatever a service that was given its
// own subtree calls what is in it. Below a user's service manager it is that
// user's unit.
func unitOf(path string) string {
	unit, below := skipSlices(path)
	if !strings.HasPrefix(unit, "user@") || !strings.HasSuffix(unit, ".service") {
		return unit
	}
	// The manager itself is in init.scope below.
	if user, _ := skipSlices(below); user != "" && user != "init.scope" {
		return user
	}
	return unit
}

// skipSlices returns the unit below the slices at the beginning of path, and
// what lies below it.
func skipSlices(path string) (unit, below string) {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		// systemd puts a _ before names that would clash with a file of
		// the kernel.
		name = strings.TrimPrefix(name, "_")
		if !isUnit(name) {
			return "", ""
		}
		if !strings.HasSuffix(name, ".slice") {
			return name, path
		}
	}
	return "", ""
}

// unitSuffixes are the types of units that have a cgroup.
var unitSuffixes = [...]string{".service", ".scope", ".slice", ".socket", ".mount", ".swap"}

// isUnit reports whether name can be that of a unit; see systemd.unit(5).
func isUnit(name string) bool {
	if len(name) > 255 {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(`:-_.\@`, c) >= 0:
		default:
			return false
		}
	}
	for _, suffix := range unitSuffixes {
		if len(name) > len(suffix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
