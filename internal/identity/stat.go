package identity

import (
	"path"

	"golang.org/x/sys/unix"
)

// A file is what statx(2) says of one.
type file struct {
	mode         uint16
	device       uint32 // as the kernel's dev_t
	inode, mount uint64
	uid          uint32
}

func (f *file) worldWritable() bool {
	return f.mode&unix.S_IWOTH != 0 && f.mode&unix.S_IFMT != unix.S_IFLNK
}

// onlyRoots reports whether it is a folder that nobody but root may write to.
func (f *file) onlyRoots() bool {
	return f.uid == 0 && f.mode&unix.S_IFMT == unix.S_IFDIR && f.mode&(unix.S_IWGRP|unix.S_IWOTH) == 0
}

// statAt looks at what is at path. It may take as long as whoever serves the
// file system likes. (openat2(2) with RESOLVE_CACHED would not, but systemd
// denies it to every service with a dynamic user.)
func statAt(path string) (file, error) {
	const what = unix.STATX_INO | unix.STATX_MODE | unix.STATX_TYPE | unix.STATX_UID | unix.STATX_MNT_ID
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC|unix.AT_SYMLINK_NOFOLLOW, what, &st)
	if err != nil {
		return file{}, err
	}
	f := file{mode: st.Mode, device: st.Dev_major<<20 | st.Dev_minor, inode: st.Ino, uid: st.Uid}
	if st.Mask&unix.STATX_MNT_ID != 0 {
		f.mount = st.Mnt_id
	}
	return f, nil
}

// A folder is what was found of one and of those above it.
type folder struct {
	worldWritable bool // anybody may write to one of them

	// steady says that only root may write to them or mount something
	// there, and that they are on a disk of this machine: nobody can keep
	// those waiting who look into it.
	steady bool
}

// maxDepth bounds how many folders are looked at. The kernel side sends at
// most 48 names.
const maxDepth = 64

// lookInto looks at dir as it is under root, and at those above it.
func lookInto(root, dir string) folder {
	all := folder{steady: true}
	for range maxDepth {
		f, err := statAt(root + dir)
		all.worldWritable = all.worldWritable || err == nil && f.worldWritable()
		all.steady = all.steady && err == nil && f.onlyRoots() && onDisk(root+dir)
		if dir == "/" {
			return all
		}
		dir = path.Dir(dir)
	}
	all.steady = false
	return all
}

// onDisk reports whether a folder is on a file system that waits for nobody
// but the kernel.
func onDisk(path string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.SQUASHFS_MAGIC, erofsMagic, zfsMagic:
		return true
	}
	return false
}

// Numbers of statfs(2) that package unix lacks.
const (
	erofsMagic = 0xe0f5e1e2
	zfsMagic   = 0x2fc12fc1
)
