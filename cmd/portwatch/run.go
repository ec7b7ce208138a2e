package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"portwatch/internal/config"
	"portwatch/internal/identity"
	"portwatch/internal/metrics"
	"portwatch/internal/monitor"
	"portwatch/internal/notify"
	"portwatch/internal/probe"
)

// stopWithin is how long receivers have to take what is queued for them.
const stopWithin = 3 * time.Second

// runFlags are what 'portwatch run' can be told.
type runFlags struct {
	config, output, metrics, state, tier string
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Watch, and alert on every port that opens and should not",
		Long: `run is the daemon. It attaches to the kernel, takes stock of what is open, and
from then on tells every port that opens or closes, with its owner and the
verdict of the policy. A port that nothing allows is an alert until it closes.

Without --config the policy is /etc/portwatch/portwatch.yaml if it exists, else
built in: ports 22, 53, 80, 443 and 47760 may be open. SIGHUP or a change of the
file reloads it; one with a mistake is refused and the old one stays in force.`,
		Example: `  portwatch run
  portwatch run --config ./portwatch.yaml --output json
  portwatch run --metrics off --tier cgroup`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDaemon(c, f) },
	}
	c.Flags().StringVar(&f.config, "config", "", "policy and receivers: a YAML `file`")
	c.Flags().StringVar(&f.output, "output", "", "what to print: `text, json or none`; text on a terminal, else json")
	c.Flags().StringVar(&f.metrics, "metrics", "", "where Prometheus asks: an `address`, or off (default \""+config.DefaultListen+"\")")
	c.Flags().StringVar(&f.state, "state", "", "where open alerts and the inventory outlive a restart: a `folder`, or off")
	c.Flags().StringVar(&f.tier, "tier", string(probe.Auto), "hooks to use: `auto, fexit or cgroup`")
	return c
}

func runDaemon(c *cobra.Command, f runFlags) (err error) {
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
	cfg, policy, err := loadPolicy(f.config)
	if err != nil {
		return err
	}
	switch probe.Tier(f.tier) {
	case probe.Auto, probe.FExit, probe.CGroup:
	default:
		return usageError{fmt.Errorf("--tier %q is not auto, fexit or cgroup", f.tier)}
	}
	output, err := openOutput(f.output, c.OutOrStdout())
	if err != nil {
		return usageError{err}
	}
	ctx, stop := signal.NotifyContext(c.Context(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	host := thisHost()

	// Opened first: whoever asks early waits for the answer.
	telemetry, err := listenMetrics(listenAddress(f, cfg))
	if err != nil {
		return err
	}
	p, err := probe.Open(probe.Options{Tier: probe.Tier(f.tier)})
	if err != nil {
		return err
	}
	k := openState(f.state, cfg, host, log)
	r := &reloader{flags: f, log: log, output: output, kept: k}
	if err := r.configure(cfg); err != nil {
		p.Close()
		return usageError{err}
	}
	var m *monitor.Monitor
	counts := metrics.New(version, revision(), func() metrics.State { return scrapeState(m, output) })
	counts.Reloaded(cfg.SHA256, time.Now())
	m, err = monitor.Start(monitor.Options{
		Probe: p, Policy: policy, Identity: identity.New(identity.Options{}), Book: k.book, Save: k.save,
		Metrics: counts, Output: output, Host: host, Log: log,
		Digest: k.first && cfg.FirstStartDigest, SelfCheck: cfg.SelfCheck,
	})
	if err != nil {
		p.Close()
		return err
	}
	http := &servers{log: log, done: make(chan struct{}, 2)}
	http.ready.Store(true)
	http.serveAll(telemetry, counts.Handler(), m.Ports)
	daemon.SdNotify(false, daemon.SdNotifyReady)
	debug.FreeOSMemory()

	r.monitor, r.metrics = m, counts
	go keepAlive(ctx, m)
	watchConfig(ctx, log, r.paths(cfg), r.reload)

	daemon.SdNotify(false, daemon.SdNotifyStopping)
	http.ready.Store(false)
	output.Status(notify.Status{Status: "stopping"})
	m.Stop()
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	http.stop(deadline)
	return errors.Join(output.Close(deadline), k.store.Close(deadline))
}

// listenAddress is that of the flag, else that of the configuration.
func listenAddress(f runFlags, cfg *config.Config) string {
	switch f.metrics {
	case "":
		return cfg.Listen
	case "off":
		return ""
	}
	return f.metrics
}

// reloader puts a changed configuration in force.
type reloader struct {
	flags   runFlags
	log     *slog.Logger
	monitor *monitor.Monitor
	metrics *metrics.Metrics
	output  *notify.Dispatcher
	kept    *kept
	sha256  string
}

// configure has the receivers of cfg be told.
func (r *reloader) configure(cfg *config.Config) error {
	specs, err := receivers(cfg)
	if err != nil {
		return err
	}
	return r.output.Configure(specs, notify.Options{
		Log: r.log, Store: r.kept.store, Host: r.kept.host.Name, Active: r.kept.book.Active(),
	})
}

// paths returns the files that the configuration is made of.
func (r *reloader) paths(cfg *config.Config) []string {
	r.sha256 = cfg.SHA256
	path := r.flags.config
	if path == "" {
		path = defaultConfig
	}
	paths := []string{path}
	for _, rule := range cfg.Rules {
		paths = append(paths, rule.Path)
	}
	return paths
}

func (r *reloader) reload() {
	cfg, policy, err := loadPolicy(r.flags.config)
	if err == nil {
		err = r.configure(cfg)
	}
	if err != nil {
		r.metrics.ReloadFailed()
		r.log.Error("reload configuration: the old one stays in force", "err", err)
		r.output.Status(notify.Status{Status: "reload", Fields: map[string]any{"successful": false, "error": err.Error()}})
		return
	}
	r.metrics.Reloaded(cfg.SHA256, time.Now())
	if cfg.SHA256 == r.sha256 {
		return
	}
	r.sha256 = cfg.SHA256
	r.monitor.SetPolicy(policy)
	r.output.Status(notify.Status{Status: "reload", Fields: map[string]any{"successful": true, "config": cfg.Path, "sha256": cfg.SHA256}})
}

// keepAlive tells systemd's watchdog that events would still be handled.
func keepAlive(ctx context.Context, m *monitor.Monitor) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	t := time.NewTicker(every / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			m.Alive()
			daemon.SdNotify(false, daemon.SdNotifyWatchdog)
		}
	}
}

// isTerminal reports whether a person reads f.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
