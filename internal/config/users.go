package config

import (
	"errors"
	"maps"
	"os/user"
	"slices"
	"strconv"

	"portwatch/internal/detect"
)

// lookUpUsers finds the uid of every user that the configuration names.
func (p *parser) lookUpUsers(c *Config) {
	uids := make(map[string]uint32)
	for _, name := range slices.Sorted(maps.Keys(p.users)) {
		uid, err := LookUpUser(name)
		if err == nil {
			uids[name] = uid
			continue
		}
		for _, line := range p.users[name] {
			p.addAt(line, "user %s %v", text(name), err)
		}
	}
	clauses := make([]*detect.Clause, 0, len(c.Policy.Allow))
	for i := range c.Policy.Allow {
		clauses = append(clauses, &c.Policy.Allow[i])
	}
	for i := range c.Policy.Severities.Rules {
		clauses = append(clauses, &c.Policy.Severities.Rules[i].Clause)
	}
	for _, clause := range clauses {
		for i := range clause.Users {
			if u := &clause.Users[i]; !u.Known {
				u.UID, u.Known = uids[u.Name], true
			}
		}
	}
	for i := range c.Tests {
		if proc := c.Tests[i].Event.Process; proc != nil && proc.UID == detect.NoUID {
			proc.UID = uids[proc.User]
		}
	}
}

// LookUpUser returns the uid of a user of this machine.
func LookUpUser(name string) (uint32, error) {
	u, err := user.Lookup(name)
	var unknown user.UnknownUserError
	switch {
	case errors.As(err, &unknown):
		return 0, errors.New("is not in /etc/passwd; write the name as it stands there, or a uid")
	case err != nil:
		return 0, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, errors.New("has the uid " + text(u.Uid) + ", which is no number")
	}
	return uint32(uid), nil
}
