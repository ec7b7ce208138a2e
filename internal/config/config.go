// Package config owns the YAML configuration: it reads it strictly and says
// of every mistake in which line it is and what would be right.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
