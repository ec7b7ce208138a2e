package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// quiet is how long a file must be left alone before it is read: editors
// write in several steps.
const quiet = 200 * time.Millisecond

// watchConfig calls reload on SIGHUP, and when one of the files or folders
// may have changed. The folder of a file is watched rather than the file: it
// is replaced by a rename, and in Kubernetes by a symbolic link further up.
// It returns when ctx ends.
func watchConfig(ctx context.Context, log *slog.Logger, paths []string, reload func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, unix.SIGHUP)
	defer signal.Stop(hup)

	var events chan fsnotify.Event
	if w, err := fsnotify.NewWatcher(); err != nil {
		log.Warn("watch configuration: only SIGHUP reloads it", "err", err)
	} else {
		defer w.Close()
		events = w.Events
		for _, dir := range foldersOf(paths) {
			if err := w.Add(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
				log.Warn("watch configuration: only SIGHUP reloads it", "folder", dir, "err", err)
			}
		}
		go func() {
			for range w.Errors { // ends with the watcher
				reloadSoon(hup)
			}
		}()
	}
	// At once: it may have changed between its reading and this watch.
	settled := time.NewTimer(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			reload()
		case <-events:
			settled.Reset(quiet)
		case <-settled.C:
			reload()
		}
	}
}

// reloadSoon asks for a reload after events were lost.
func reloadSoon(hup chan<- os.Signal) {
	select {
	case hup <- unix.SIGHUP:
	default:
	}
}

// foldersOf returns the folders whose entries decide what paths hold: those
// of the paths, and those of what they point to.
func foldersOf(paths []string) []string {
	seen := make(map[string]bool)
	var dirs []string
	for _, p := range paths {
		for _, q := range []string{p, resolve(p)} {
			dir := filepath.Dir(q)
			if st, err := os.Stat(q); err == nil && st.IsDir() {
				dir = q
			}
			if !seen[dir] {
				seen[dir] = true
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

func resolve(path string) string {
	if q, err := filepath.EvalSymlinks(path); err == nil {
		return q
	}
	return path
}
