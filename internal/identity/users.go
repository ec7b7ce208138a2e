package identity

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	passwdBytes = 4 << 20
	maxUsers    = 65536
	nameBytes   = 256
	recheck     = time.Second // how old a look at a file may be
)

// users knows the names of /etc/passwd and of systemd's dynamic users. Those
// that a directory service knows have no name here: asking it would mean
// waiting for the network.
type users struct {
	passwd  string
	dynamic string // folder in which systemd keeps links from uid to name

	names   map[uint32]string
	version fileVersion
	checked time.Time
}

// fileVersion changes when a file is written or replaced.
type fileVersion struct {
	ino          uint64
	size         int64
	mtime, ctime unix.Timespec
}

func versionOf(path string) (v fileVersion) {
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil {
		v = fileVersion{st.Ino, st.Size, st.Mtim, st.Ctim}
	}
	return v
}

// name returns the name of uid, "" if it has none.
func (u *users) name(uid uint32, now time.Time) string {
	if u.names == nil || now.Sub(u.checked) >= recheck {
		u.checked = now
		if v := versionOf(u.passwd); u.names == nil || v != u.version {
			u.names = parsePasswd(readAll(u.passwd, passwdBytes))
			u.version = v
		}
	}
	if name, ok := u.names[uid]; ok {
		return name
	}
	// systemd gives dynamic users numbers from this range only; the links
	// are there for programs that cannot ask it.
	if uid >= 61184 && uid <= 65519 {
		if name := readlink(u.dynamic + "/direct:" + strconv.FormatUint(uint64(uid), 10)); len(name) <= nameBytes {
			return name
		}
	}
	return ""
}

// parsePasswd reads passwd(5). Lines that are not in its form are passed
// over, as the C library does; of two with one uid the first counts.
func parsePasswd(b []byte) map[uint32]string {
	names := make(map[uint32]string)
	for line := range bytes.Lines(b) {
		name, rest, _ := bytes.Cut(line, []byte{':'})
		_, rest, _ = bytes.Cut(rest, []byte{':'}) // password
		id, _, ok := bytes.Cut(rest, []byte{':'})
		if !ok || len(name) == 0 || len(name) > nameBytes || bytes.IndexByte([]byte("#+-"), name[0]) >= 0 {
			continue
		}
		uid, err := strconv.ParseUint(string(id), 10, 32)
		if err != nil || len(names) >= maxUsers {
			continue
		}
		if _, ok := names[uint32(uid)]; !ok {
			names[uint32(uid)] = string(name)
		}
	}
	return names
}
