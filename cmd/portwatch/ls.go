package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"portwatch/internal/api"
	"portwatch/internal/event"
	"portwatch/internal/identity"
	"portwatch/internal/probe"
)

func lsCommand() *cobra.Command {
	var configPath string
	var unexpected, asJSON, fail, all bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "List every port that is open now, and whether it may be",
		Long: `ls lists every listening TCP socket and every bound UDP socket of every network
namespace, with its owner and the verdict of the policy. It asks the running
daemon; where there is none it looks for itself, which needs the privileges of
'portwatch run'.`,
		Example: `  portwatch ls
  portwatch ls --unexpected --fail     # exit code 1 if there is one
  portwatch ls --all --json | jq .     # with UDP clients, one object a socket`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			open, err := listOpen(c, configPath)
			if err != nil {
				return err
			}
			found := false
			open = slices.DeleteFunc(open, func(ev *event.Event) bool {
				if ev.Verdict != event.Allowed {
					found = true
				} else if unexpected {
					return true
				}
				return ev.Socket.Role == event.Client && ev.Verdict == event.Allowed && !all
			})
			sortPorts(open)
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				for _, ev := range open {
					if err := enc.Encode(ev); err != nil {
						return err
					}
				}
			} else if err := printPorts(c.OutOrStdout(), open, time.Now()); err != nil {
				return err
			}
			if fail && found {
				return errNo
			}
			return nil
		},
	}
	c.Flags().StringVar(&configPath, "config", "", "judge by this `file` instead of asking the daemon")
	c.Flags().BoolVar(&unexpected, "unexpected", false, "only ports that are not allowed")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a socket")
	c.Flags().BoolVar(&fail, "fail", false, "exit with 1 if a port is not allowed")
	c.Flags().BoolVar(&all, "all", false, "UDP clients too")
	return c
}

// listOpen asks the daemon, or takes a snapshot of its own.
func listOpen(c *cobra.Command, configPath string) ([]*event.Event, error) {
	if configPath == "" {
		open, err := api.Fetch(c.Context(), api.SocketPath())
		if !errors.Is(err, api.ErrNoDaemon) {
			return open, err
		}
	}
	_, policy, err := loadPolicy(configPath)
	if err != nil {
		return nil, err
	}

	p, err := probe.Open(probe.Options{NoHooks: true})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	snap, err := p.Snapshot()
	if err != nil {
		return nil, err
	}
	host := thisHost()
	who := identity.New(identity.Options{})
	open := make([]*event.Event, len(snap.Open))
	for i := range snap.Open {
		ev := &snap.Open[i]
		ev.Host = host
		who.Enrich(ev)
		policy.Judge(ev, time.Now())
		open[i] = ev
	}
	return open, nil
}

// sortPorts puts what should not be open first, then goes by port.
func sortPorts(open []*event.Event) {
	slices.SortFunc(open, func(a, b *event.Event) int {
		return cmp.Or(
			-cmp.Compare(a.Verdict, b.Verdict),
			cmp.Compare(a.Socket.Port, b.Socket.Port),
			cmp.Compare(a.Socket.Protocol, b.Socket.Protocol),
			cmp.Compare(a.Socket.Netns, b.Socket.Netns),
			a.Socket.Address.Compare(b.Socket.Address),
			cmp.Compare(a.Socket.Cookie, b.Socket.Cookie),
		)
	})
}

func printPorts(w io.Writer, open []*event.Event, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VERDICT\tPROTO\tADDRESS\tSCOPE\tPROCESS\tEXE\tUSER\tAGE\tRULE")
	for _, ev := range open {
		s := &ev.Socket
		process, exe, user := ev.Owner.String(), "-", "-"
		if p := ev.Process; p != nil {
			if p.PID != 0 {
				process = fmt.Sprintf("%s[%d]", event.Printable(p.Comm, 16), p.PID)
			}
			exe = cmp.Or(event.Printable(p.Exe, 60), "-")
			user = cmp.Or(event.Printable(p.User, 32), strconv.Itoa(int(p.UID)))
		}
		age := "-"
		if !ev.OpenedAt.IsZero() {
			age = now.Sub(ev.OpenedAt).Round(time.Second).String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			ev.Verdict, s.Protocol, hostPort(s.Address, s.Port), s.Scope, process, exe, user, age, event.Printable(ev.Rule, 60))
	}
	return t.Flush()
}

func hostPort(a netip.Addr, port uint16) string {
	switch {
	case !a.IsUnspecified():
		return netip.AddrPortFrom(a, port).String()
	case a.Is4():
		return "0.0.0.0:" + strconv.Itoa(int(port))
	}
	return "[::]:" + strconv.Itoa(int(port))
}
