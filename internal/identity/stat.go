package identity

import "golang.org/x/sys/unix"

// resolveCached is RESOLVE_CACHED of openat2(2), since Linux 5.12.
const resolveCached = 0x20

// A file is what statx(2) says of one.
type file struct {
	mode         uint16
	device       uint32 // as the kernel's dev_t
	inode, mount uint64
	uid          uint32
}

// lookup looks at what is at path as it is under root. First only what the
// kernel has in memory is asked for, which cannot take long and is enough for
// a file that was just executed; else whoever serves the file system gets
// some time to answer.
func (r *Resolver) lookup(root, path string) (file, error) {
	f, err := statIn(root, path, resolveCached)
	if err != unix.EAGAIN && err != unix.EINVAL { // EINVAL: before Linux 5.12
		return f, err
	}
	type answer struct {
		file
		err error
	}
	a, ok := ask(r.look, func() answer {
		f, err := statIn(root, path, 0)
		return answer{f, err}
	})
	if !ok {
		return file{}, unix.EAGAIN
	}
	return a.file, a.err
}

// statIn looks at what is at path as it is under root, "" for our own. Links
// do not lead out of root.
func statIn(root, path string, resolve uint64) (file, error) {
	dir := unix.AT_FDCWD
	if root != "" {
		var err error
		if dir, err = unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return file{}, err
		}
		defer unix.Close(dir)
		resolve |= unix.RESOLVE_IN_ROOT
	}
	fd, err := unix.Openat2(dir, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return file{}, err
	}
	defer unix.Close(fd)
	const what = unix.STATX_INO | unix.STATX_MODE | unix.STATX_TYPE | unix.STATX_UID | unix.STATX_MNT_ID
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, what, &st); err != nil {
		return file{}, err
	}
	f := file{mode: st.Mode, device: st.Dev_major<<20 | st.Dev_minor, inode: st.Ino, uid: st.Uid}
	if st.Mask&unix.STATX_MNT_ID != 0 {
		f.mount = st.Mnt_id
	}
	return f, nil
}
