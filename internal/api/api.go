// Package api answers other programs, 'portwatch ls' among them: what is open
// and what is firing, as JSON over HTTP. The daemon serves it on a unix
// socket in its runtime folder that only its own user and root can open.
package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"portwatch/internal/event"
)

// Ports yields the open sockets with their verdicts.
type Ports func(yield func(*event.Event) bool)

// Handler serves /api/v1/ports, one JSON object a line.
func Handler(ports Ports) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/ports", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		b := bufio.NewWriter(w)
		enc := json.NewEncoder(b)
		for ev := range ports {
			if enc.Encode(ev) != nil {
				return
			}
		}
		b.Flush()
	})
	return mux
}

// SocketPath returns where the daemon listens: in the folder that systemd
// made for it, else in /run/portwatch.
func SocketPath() string {
	dir := os.Getenv("RUNTIME_DIRECTORY")
	if dir == "" {
		dir = "/run/portwatch"
	}
	return filepath.Join(dir, "portwatch.sock")
}

// Listen opens the unix socket. One that a dead daemon left behind is
// replaced; one that a daemon answers on is not.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s: another portwatch is running", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// ErrNoDaemon is returned by Fetch if nothing listens at path.
var ErrNoDaemon = errors.New("no portwatch is running")

// Fetch asks the daemon at path for what is open.
func Fetch(ctx context.Context, path string) ([]*event.Event, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://portwatch/api/v1/ports", nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "dial" {
		return nil, fmt.Errorf("%w: %w", ErrNoDaemon, op.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the running portwatch: %w", err)
	}
	defer resp.Body.Close()
	var open []*event.Event
	for dec := json.NewDecoder(resp.Body); dec.More(); {
		ev := new(event.Event)
		if err := dec.Decode(ev); err != nil {
			return nil, fmt.Errorf("read the answer of the running portwatch: %w", err)
		}
		open = append(open, ev)
	}
	return open, nil
}
