package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"portwatch/internal/event"
	"portwatch/internal/probe"
)

// checkReport is what 'portwatch check --json' prints.
type checkReport struct {
	probe.Preflight
	Tier     string   `json:"tier,omitempty"`
	Latency  float64  `json:"self_test_latency_seconds,omitempty"`
	Unseen   []string `json:"unseen"`             // what cannot be seen here
	Blocker  string   `json:"blocker,omitempty"`  // why it cannot work at all
	Remedy   string   `json:"remedy,omitempty"`   // and what helps
	SelfTest string   `json:"self_test"`          // passed, failed, not run
	Warnings []string `json:"warnings,omitempty"` // of the configuration
}

func checkCommand() *cobra.Command {
	var asJSON bool
	var configPath string
	c := &cobra.Command{
		Use:   "check",
		Short: "Test whether portwatch can work here, and what it cannot see",
		Long: `check looks at the kernel, the privileges and the configuration, attaches every
hook for a moment, and then really opens a port on the loopback interface and
waits for its event. Exit code 1 says that something is in the way, 3 that the
kernel or the privileges are.`,
		Example: `  portwatch check
  portwatch check --config ./portwatch.yaml
  portwatch check --json | jq .hooks`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, _, err := loadPolicy(configPath)
			if err != nil {
				return err
			}
			var r checkReport
			err = r.run()
			if asJSON {
				if err := json.NewEncoder(c.OutOrStdout()).Encode(&r); err != nil {
					return err
				}
			} else {
				r.print(c.OutOrStdout())
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	c.Flags().StringVar(&configPath, "config", "", "check this configuration `file`")
	return c
}

func (r *checkReport) run() error {
	var err error
	r.SelfTest = "not run"
	r.Preflight, err = probe.Check()
	r.findUnseen()
	if err == nil {
		err = r.selfTest()
	}
	var u *probe.UnsupportedError
	if errors.As(err, &u) {
		r.Blocker, r.Remedy = u.Missing, u.Remedy
	} else if err != nil {
		r.Blocker = err.Error()
	}
	return err
}

// findUnseen says what the privileges and namespaces at hand hide.
func (r *checkReport) findUnseen() {
	r.Unseen = []string{}
	add := func(format string, args ...any) { r.Unseen = append(r.Unseen, fmt.Sprintf(format, args...)) }
	if !r.HostPidns {
		add("owners of ports that were open before the start, in other pid namespaces (run with --pid=host)")
	}
	if n := r.Netns - r.NetnsEntered; n > 0 {
		add("ports open before the start in %d network namespaces that cannot be entered, if no process holds them (add CAP_SYS_ADMIN)", n)
	}
	if !r.Capabilities["CAP_SYS_PTRACE"] {
		add("command lines and containers of other users' processes that were open before the start (add CAP_SYS_PTRACE)")
	}
	if !hookAttached(r.Hooks, "fentry/udp_lib_unhash") {
		add("the close of UDP sockets that the kernel itself opened (vxlan), and of a port given up by a disconnect: the self-check finds them later")
	}
}

func hookAttached(hooks []probe.Hook, name string) bool {
	return slices.ContainsFunc(hooks, func(h probe.Hook) bool { return h.Name == name && h.Attached })
}

// selfTestTimeout is some thousand times what the event takes.
const selfTestTimeout = 2 * time.Second

var errSelfTest = errors.New("self-test: a listener on the loopback interface was opened and not seen")

// selfTest opens a port and waits for its event.
func (r *checkReport) selfTest() error {
	r.SelfTest = "failed"
	p, err := probe.Open(probe.Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	r.Tier = string(p.Tier())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("self-test: %w", err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	timeout := time.AfterFunc(selfTestTimeout, func() { p.Close() })
	defer timeout.Stop()
	for {
		var ev event.Event
		if err := p.Read(&ev); err != nil {
			return errSelfTest
		}
		if ev.Type == event.Open && ev.Socket.Port == port && ev.Socket.Protocol == event.TCP {
			r.Latency = (probe.Boottime() - ev.Boot).Seconds()
			r.SelfTest = "passed"
			return nil
		}
	}
}

func (r *checkReport) print(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("kernel", "%s %s", r.Kernel, r.Architecture)
	line("BTF", "%s", yesNo(r.BTF))
	if r.Lockdown != "" {
		line("lockdown", "%s", r.Lockdown)
	}
	var have, lack []string
	for c, ok := range r.Capabilities {
		if ok {
			have = append(have, c)
		} else {
			lack = append(lack, c)
		}
	}
	slices.Sort(have)
	slices.Sort(lack)
	line("capabilities", "%s", strings.Join(have, " "))
	if len(lack) > 0 {
		line("", "without %s", strings.Join(lack, " "))
	}
	if r.CgroupRoot == "" {
		line("cgroup2 root", "not visible")
	} else {
		line("cgroup2 root", "%s", r.CgroupRoot)
	}
	line("namespaces", "%d network namespaces, %d can be entered; processes of %s", r.Netns, r.NetnsEntered, map[bool]string{
		true: "the whole host", false: "this pid namespace alone"}[r.HostPidns])
	for _, h := range r.Hooks {
		switch {
		case h.Attached:
			line("hook", "ok       %-30s %s", h.Name, h.Tier)
		default:
			line("hook", "refused  %-30s %s  %s", h.Name, h.Tier, probe.Reason(h.Err))
		}
	}
	for _, u := range r.Unseen {
		line("not seen", "%s", u)
	}
	switch r.SelfTest {
	case "passed":
		line("self-test", "passed: a port on the loopback interface was seen after %.3f ms (tier %s)", r.Latency*1e3, r.Tier)
	default:
		line("self-test", "%s", r.SelfTest)
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
