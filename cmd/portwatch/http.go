package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"portwatch/internal/api"
)

// servers answer over HTTP: Prometheus and probes at an address, other
// portwatch commands on a unix socket.
type servers struct {
	log   *slog.Logger
	ready atomic.Bool
	all   []*http.Server
	done  chan struct{}
	n     int
}

const readTimeout = 10 * time.Second

// serve answers on l until stop.
func (s *servers) serve(l net.Listener, h http.Handler) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout,
		WriteTimeout: 3 * readTimeout, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.all = append(s.all, srv)
	s.n++
	go func() {
		defer func() { s.done <- struct{}{} }()
		if err := srv.Serve(l); err != http.ErrServerClosed {
			s.log.Error("serve", "address", l.Addr().String(), "err", err)
		}
	}()
}

func (s *servers) stop(ctx context.Context) {
	for _, srv := range s.all {
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
	}
	for range s.n {
		<-s.done
	}
}

// telemetry is the handler of the metrics' address.
func (s *servers) telemetry(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

// listenMetrics opens the metrics' address; "" is none.
func listenMetrics(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, usageError{fmt.Errorf("metrics: %w; choose another address with --metrics, or 'off'", err)}
	}
	return l, nil
}

// serveAll answers at the metrics' address and on the unix socket. Without the
// latter the daemon works all the same: 'portwatch ls' then looks for itself.
func (s *servers) serveAll(telemetry net.Listener, metrics http.Handler, ports api.Ports) {
	if telemetry != nil {
		s.serve(telemetry, s.telemetry(metrics))
	}
	l, err := api.Listen(api.SocketPath())
	if err != nil {
		s.log.Warn("open unix socket: 'portwatch ls' will look for itself", "err", err)
		return
	}
	s.serve(l, api.Handler(ports))
}
