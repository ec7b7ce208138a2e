package main

import (
	"log/slog"
	"os"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/config"
	"portwatch/internal/event"
	"portwatch/internal/probe"
	"portwatch/internal/state"
)

// defaultState is where state is kept if systemd names no folder.
const defaultState = "/var/lib/portwatch"

// kept is what outlives a restart. Without a store nothing does, and all else
// works.
type kept struct {
	store *state.Store
	book  *alert.Book
	first bool // portwatch never ran with this folder
	host  *event.Host
}

// openState opens the state folder and takes the open alerts from it. A
// folder that cannot be used is said and done without.
func openState(flag string, cfg *config.Config, host *event.Host, log *slog.Logger) *kept {
	k := &kept{host: host, first: true}
	opts := alert.Options{ResolveAfter: cfg.ResolveAfter}
	dir := flag
	for _, other := range []string{cfg.StateDir, os.Getenv("STATE_DIRECTORY"), defaultState} {
		if dir == "" {
			dir = other
		}
	}
	if dir != "off" {
		var err error
		if k.store, err = state.Open(dir, log); err != nil {
			log.Warn("keep no state: open alerts and queued notifications end with this run", "err", err)
		}
	}
	if k.store == nil {
		k.book = alert.NewBook(opts)
		return k
	}
	saved, found, err := k.store.LoadAlerts()
	if err != nil {
		log.Warn("read state", "err", err)
	}
	k.first = !found
	k.book = alert.Restore(opts, saved, k.moment())
	k.book.Track()
	k.store.SaveMoment(k.moment())
	return k
}

func (k *kept) moment() alert.Moment {
	return alert.Moment{Boot: probe.Boottime(), Wall: time.Now().UTC(), BootID: k.host.BootID}
}

// save keeps what changed in the book. The monitor calls it under its lock.
func (k *kept) save() {
	if k.store != nil {
		k.store.SaveAlerts(k.book, k.moment())
	}
}
