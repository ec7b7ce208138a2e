package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

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
