package config

import (
	"errors"
	"os/user"
	"strconv"

	"portwatch/internal/detect"
)

// lookUpUsers finds the uid of every user that the policy names.
func (p *parser) lookUpUsers(c *Config) {
	for i := range c.Policy.Allow {
		p.lookUp(&c.Policy.Allow[i])
	}
	for i := range c.Policy.Severities.Rules {
		p.lookUp(&c.Policy.Severities.Rules[i].Clause)
	}
	for i := range c.Tests {
		p.lookUpTest(&c.Tests[i])
	}
}

func (p *parser) lookUp(c *detect.Clause) {
	for i := range c.Users {
		u := &c.Users[i]
		if u.Known {
			continue
		}
		uid, err := LookUpUser(u.Name)
		if err != nil {
			p.addAt(c.Line, "user %s %v", text(u.Name), err)
			continue
		}
		u.UID, u.Known = uid, true
	}
}

// lookUpTest gives the user in the event of a test the uid that clauses ask
// for.
func (p *parser) lookUpTest(t *detect.Test) {
	if proc := t.Event.Process; proc != nil && proc.User != "" && proc.UID == detect.NoUID {
		uid, err := LookUpUser(proc.User)
		if err != nil {
			p.addAt(t.Line, "user %s of the test %v", text(proc.User), err)
			return
		}
		proc.UID = uid
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
