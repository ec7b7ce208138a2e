package detect

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"portwatch/internal/event"
)

// A clause is a Clause made ready to be asked.
type clause struct {
	*Clause
	n      int
	asked  []field     // those that it asks for
	ports  []PortRange // sorted and joined
	exes   []glob
	units  []glob
	conts  []glob
	where  string // portwatch.yaml:7
	allows string // explanation of what it allows
}

func compileClause(src *Clause, n int) (*clause, error) {
	c := &clause{Clause: src, n: n, where: src.where(), ports: joinPorts(src.Ports)}
	for _, r := range src.Ports {
		if r.First == 0 || r.Last < r.First {
			return nil, fmt.Errorf("%s: %s is not a range of ports", c.where, r)
		}
	}
	for _, list := range []struct {
		of       field
		patterns []string
		globs    *[]glob
	}{
		{exeField, src.Exes, &c.exes},
		{unitField, src.Units, &c.units},
		{containerField, src.Containers, &c.conts},
	} {
		for _, s := range list.patterns {
			if err := CheckGlob(s); err != nil {
				return nil, fmt.Errorf("%s: %s %q %w", c.where, list.of, s, err)
			}
			*list.globs = append(*list.globs, compileGlob(s))
		}
	}
	asks := [numFields]bool{
		portField:      len(src.Ports) > 0,
		protocolField:  len(src.Protocols) > 0,
		scopeField:     len(src.Scopes) > 0,
		addressField:   len(src.Addresses) > 0,
		netnsField:     src.HostNetns,
		untilField:     !src.Until.IsZero(),
		exeField:       len(src.Exes) > 0,
		userField:      len(src.Users) > 0,
		unitField:      len(src.Units) > 0,
		containerField: len(src.Containers) > 0 || src.InContainer != nil,
	}
	for f, asked := range asks {
		if asked {
			c.asked = append(c.asked, field(f))
		}
	}
	if len(c.asked) == 0 || slices.Equal(c.asked, []field{untilField}) {
		return nil, fmt.Errorf("%s: the clause asks for nothing and would match every socket", c.where)
	}
	c.allows = c.where + " allows it"
	if src.Reason != "" {
		c.allows += ": " + event.Printable(src.Reason, shownBytes)
	}
	return c, nil
}

// where returns file and line as verdicts name them.
func (c *Clause) where() string {
	if c.File == BuiltIn {
		return BuiltIn
	}
	return filepath.Base(c.File) + ":" + strconv.Itoa(c.Line)
}

// BuiltIn is the File of the clauses that need no file.
const BuiltIn = "built-in"
