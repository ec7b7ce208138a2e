// Command portwatch watches every port that opens or closes on this host and
// raises an alert the moment one opens that should not.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"portwatch/internal/probe"
)

// Exit codes: what a script can rely on.
const (
	exitNo          = 1 // the answer is "no"
	exitUsage       = 2 // wrong usage or configuration
	exitUnsupported = 3 // the kernel or the privileges do not allow it
)

func main() { os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr)) }

// execute runs the command that args name and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:   "portwatch",
		Short: "Alert on every port that opens and should not",
		Long: `portwatch sees by eBPF, without polling, every port that opens or closes on this
host, and raises an alert the moment one opens that the policy does not allow.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(runCommand(), lsCommand(), checkCommand(), versionCommand())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see 'portwatch %s -h'", err, c.Name())}
	})
	err := root.Execute()
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "portwatch: %s\n", text)
	}
	return exitCode(err)
}

// usageError is a mistake of whoever called portwatch or wrote its
// configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errNo is the answer "no": it was printed already.
var errNo = errors.New("")

func exitCode(err error) int {
	var usage usageError
	var unsupported *probe.UnsupportedError
	switch {
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &unsupported):
		return exitUnsupported
	case errors.As(err, &usage):
		return exitUsage
	}
	// What cobra says of unknown commands and arguments has no type.
	return exitUsage
}
