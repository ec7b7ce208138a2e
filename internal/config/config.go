// Package config owns the YAML configuration: it reads it strictly and says
// of every mistake in which line it is and what would be right.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/detect"
	"portwatch/internal/event"
)

// Defaults of what a configuration leaves out.
const (
	DefaultListen       = "127.0.0.1:9765"
	DefaultResolveAfter = 5 * time.Second
	DefaultSelfCheck    = 10 * time.Minute
)

// A Config is one configuration file, checked and with its defaults filled
// in.
type Config struct {
	Path   string // as it was asked for; "built-in" for the built-in policy
	SHA256 string // of the source, in hexadecimal digits

	// Policy judges. Its clauses know their lines.
	Policy detect.Settings

	// FirstStartDigest has the ports that were open before the very first
	// start told in one notification rather than in one each.
	FirstStartDigest bool

	Rules  []Path     // files and folders of rules in Panther's format
	Notify []Receiver // empty means the output alone

	Listen       string        // of the metrics; "" if they are off
	StateDir     string        // "" if the file says nothing, "off" for none
	ResolveAfter time.Duration // how long a port stays closed before that is told
	SelfCheck    time.Duration // between two comparisons with the kernel; 0 if off

	Tests []detect.Test
}

// A Path is a path that a configuration names, made absolute.
type Path struct {
	Path string
	File string
	Line int
}

// A Receiver is one entry of notify. What the keys besides name and type
// mean, only the receiver itself knows: Options holds the whole entry for
// it to decode.
type Receiver struct {
	Name, Type string
	Options    yaml.Node
	File       string
	Line       int
}

// An Error is a mistake in a configuration. Load and Parse join one for each
// that they find.
type Error struct {
	File string
	Line int // 0 if it is about the file as a whole
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// maxBytes bounds a configuration file: more is a mistake, such as the path
// of a log.
const maxBytes = 4 << 20

// Load reads and checks the file at path for this machine: user names are
// looked up, and the paths that it names must exist.
func Load(path string) (*Config, error) {
	c, p, err := read(path)
	if err != nil {
		return nil, err
	}
	p.lookUpUsers(c)
	p.findPaths(c)
	if err := p.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Read reads and checks the file at path but asks nothing of this machine.
// It serves to judge here what another machine recorded; user names are
// compared as names.
func Read(path string) (*Config, error) {
	c, _, err := read(path)
	return c, err
}

func read(path string) (*Config, *parser, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	p := newParser(path)
	c := p.parse(text)
	if err := p.err(); err != nil {
		return nil, nil, err
	}
	return c, p, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(text) > maxBytes {
		return nil, &Error{File: path, Text: fmt.Sprintf("is larger than the %d bytes that a configuration may have", maxBytes)}
	}
	return text, nil
}

// fileError says why a file can't be read and what would help.
func fileError(path string, err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{File: path, Text: "there is no such file"}
	case errors.Is(err, fs.ErrPermission):
		return &Error{File: path, Text: fmt.Sprintf("uid %d may not read it; allow that, or start portwatch as a user who may", os.Geteuid())}
	case errors.Is(err, syscall.EISDIR):
		return &Error{File: path, Text: "is a folder; name the file in it"}
	case errors.As(err, &pe):
		err = pe.Err
	}
	return &Error{File: path, Text: err.Error()}
}

// Parse checks the text of a configuration; name is the file that messages
// name. It does no I/O.
func Parse(name string, text []byte) (*Config, error) {
	p := newParser(name)
	c := p.parse(text)
	if err := p.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// BuiltIn returns the configuration of a portwatch that was given none: the
// ports of a plain web server and of Zeek may be open.
func BuiltIn() *Config {
	c := defaults(detect.BuiltIn)
	for _, b := range []struct {
		port   uint16
		reason string
	}{{22, "ssh"}, {53, "dns"}, {80, "http"}, {443, "https"}, {47760, "Zeek"}} {
		c.Policy.Allow = append(c.Policy.Allow, detect.Clause{
			File: detect.BuiltIn, Ports: []detect.PortRange{{First: b.port, Last: b.port}}, Reason: b.reason,
		})
	}
	c.SHA256 = hash(nil)
	return c
}

func defaults(path string) *Config {
	return &Config{
		Path: path,
		Policy: detect.Settings{
			Severities: detect.Severities{
				Default: event.High,
				Scope:   map[event.Scope]event.Severity{event.Loopback: event.Low},
			},
			DedupPeriod: detect.DefaultDedupPeriod,
		},
		FirstStartDigest: true,
		Listen:           DefaultListen,
		ResolveAfter:     DefaultResolveAfter,
		SelfCheck:        DefaultSelfCheck,
	}
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// findPaths checks that the paths of a configuration exist.
func (p *parser) findPaths(c *Config) {
	for _, r := range c.Rules {
		if _, err := os.Stat(r.Path); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				p.addAt(r.Line, "rules: there is no %s (paths are relative to %s)", text(r.Path), filepath.Dir(c.Path))
				continue
			}
			p.addAt(r.Line, "rules: %v", err)
		}
	}
}
