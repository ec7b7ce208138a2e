package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"portwatch/internal/config"
	"portwatch/internal/detect"
	"portwatch/internal/event"
	"portwatch/internal/metrics"
	"portwatch/internal/monitor"
	"portwatch/internal/notify"
)

// defaultConfig is read if it exists and no other is named.
const defaultConfig = "/etc/portwatch/portwatch.yaml"

// loadPolicy reads the configuration at path; "" is the default one if it
// exists, else the built-in policy.
func loadPolicy(path string) (*config.Config, *detect.Policy, error) {
	cfg := config.BuiltIn()
	if path == "" {
		if _, err := os.Stat(defaultConfig); err == nil || !errors.Is(err, os.ErrNotExist) {
			path = defaultConfig
		}
	}
	if path != "" {
		var err error
		if cfg, err = config.Load(path); err != nil {
			return nil, nil, usageError{err}
		}
	}
	settings := cfg.Policy
	settings.Self = uint32(os.Getpid())
	policy, err := detect.Compile(settings)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if _, err := receivers(cfg); err != nil {
		return nil, nil, usageError{err}
	}
	return cfg, policy, nil
}

// thisHost returns the name and the boot id of this machine.
func thisHost() *event.Host {
	h := new(event.Host)
	h.Name, _ = os.Hostname()
	// The unit hides /proc/sys and hands the boot id over as a credential.
	for _, path := range []string{"/proc/sys/kernel/random/boot_id", filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), "boot_id")} {
		if b, err := os.ReadFile(path); err == nil {
			h.BootID = strings.TrimSpace(string(b))
			break
		}
	}
	return h
}

// receivers reads the entries of notify.
func receivers(cfg *config.Config) ([]notify.Spec, error) {
	specs := make([]notify.Spec, len(cfg.Notify))
	var errs error
	for i := range cfg.Notify {
		var err error
		specs[i], err = notify.Decode(cfg.Notify[i].File, &cfg.Notify[i].Options)
		errs = errors.Join(errs, err)
	}
	return specs, errs
}

// openOutput returns who is told, so far whoever reads standard output.
func openOutput(format string, stdout io.Writer) (*notify.Dispatcher, error) {
	d := notify.New()
	f, isFile := stdout.(*os.File)
	terminal := isFile && isTerminal(f)
	if format == "" {
		format = "json"
		if terminal {
			format = "text"
		}
	}
	switch format {
	case "text":
		d.AddText("stdout", stdout, terminal && os.Getenv("NO_COLOR") == "")
	case "json":
		d.AddJSON("stdout", stdout)
	case "none":
	default:
		return nil, fmt.Errorf("--output %q is not text, json or none", format)
	}
	return d, nil
}

// scrapeState is what the metrics ask for at each scrape.
func scrapeState(m *monitor.Monitor, output *notify.Dispatcher) metrics.State {
	st := m.State()
	for _, s := range output.Stats() {
		st.Receiver = append(st.Receiver, metrics.Receiver{
			Name: s.Name, Queued: s.Queued, OldestAge: s.OldestAge,
			Results: map[string]uint64{"delivered": s.Delivered, "failed": s.Failed, "dropped": s.Dropped},
		})
	}
	return st
}
