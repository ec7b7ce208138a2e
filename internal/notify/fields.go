package notify

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/event"
	"portwatch/internal/notify/send"
)

func (d *decoder) scalar(name string) (*yaml.Node, bool) {
	n, ok := d.has(name)
	if ok && n.Kind != yaml.ScalarNode {
		d.fail(n, "%s is one value", name)
		return nil, false
	}
	return n, ok
}

func (d *decoder) text(name string, to *string) {
	if n, ok := d.scalar(name); ok {
		*to = n.Value
	}
}

func (d *decoder) boolean(name string, to *bool) {
	n, ok := d.scalar(name)
	if ok && n.Decode(to) != nil {
		d.fail(n, "%s is true or false", name)
	}
}

func (d *decoder) count(name string, to *int) {
	n, ok := d.scalar(name)
	if !ok {
		return
	}
	if n.Decode(to) != nil || *to < 1 || *to > 1_000_000 {
		d.fail(n, "%s is a number from 1 to 1000000", name)
	}
}

func (d *decoder) duration(name string, to *time.Duration) {
	n, ok := d.scalar(name)
	if !ok {
		return
	}
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < time.Millisecond || v > 24*time.Hour {
		d.fail(n, "%s is a time from 1ms to 24h, such as 10s", name)
		return
	}
	*to = v
}

// bytes reads 33554432, 32MiB or 512KiB.
func (d *decoder) bytes(name string, to *int) {
	n, ok := d.scalar(name)
	if !ok {
		return
	}
	number, unit := n.Value, 1
	for suffix, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20} {
		if s, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = strings.TrimSpace(s), factor
			break
		}
	}
	v, err := strconv.Atoi(number)
	if err != nil || v < 1 || v > (1<<30)/unit || v*unit < 64<<10 {
		d.fail(n, "%s is a size from 64KiB to 1024MiB, such as 32MiB", name)
		return
	}
	*to = v * unit
}

func (d *decoder) severity(name string, to *event.Severity) {
	n, ok := d.scalar(name)
	if ok && to.UnmarshalText([]byte(strings.ToUpper(n.Value))) != nil {
		d.fail(n, "%s %q is not INFO, LOW, MEDIUM, HIGH or CRITICAL", name, event.Printable(n.Value, 40))
	}
}

func (d *decoder) oneOf(name string, to *string, words ...string) {
	n, ok := d.scalar(name)
	if !ok {
		return
	}
	if !slices.Contains(words, n.Value) {
		d.fail(n, "%s %q is not one of %s", name, event.Printable(n.Value, 40), strings.Join(words, ", "))
		return
	}
	*to = n.Value
}

func (d *decoder) globs(name string, to *[]string) {
	n, ok := d.has(name)
	if !ok {
		return
	}
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, item := range list {
		item = resolve(item)
		if _, err := path.Match(item.Value, ""); err != nil || item.Kind != yaml.ScalarNode || item.Value == "" {
			d.fail(item, "%s is a list of names of rules, in which * stands for anything", name)
			continue
		}
		*to = append(*to, item.Value)
	}
}

// path reads the path of a file, which need not exist yet.
func (d *decoder) path(name string, to *string) {
	n, ok := d.scalar(name)
	if !ok {
		return
	}
	p, err := expand(n.Value)
	if err != nil {
		d.fail(n, "%s: %v", name, err)
		return
	}
	if !filepath.IsAbs(p) {
		p = filepath.Join(filepath.Dir(d.file), p)
	}
	*to = filepath.Clean(p)
}

// expand puts the folder of systemd's credentials in place of its variable;
// it knows of no other.
func expand(p string) (string, error) {
	var err error
	p = os.Expand(p, func(name string) string {
		dir := os.Getenv(name)
		switch {
		case name != "CREDENTIALS_DIRECTORY":
			err = fmt.Errorf("only ${CREDENTIALS_DIRECTORY} may be used in a path, not ${%s}", name)
		case dir == "":
			err = errors.New("CREDENTIALS_DIRECTORY is not set; the unit needs LoadCredential=")
		}
		return dir
	})
	return p, err
}

// secret reads name, or name_file which holds it.
func (d *decoder) secret(name string, to *send.Secret) {
	n, here := d.scalar(name)
	file, inFile := d.scalar(name + "_file")
	switch {
	case here && inFile:
		d.fail(file, "there is both %s and %s_file", name, name)
	case inFile:
		var p string
		d.path(name+"_file", &p)
		*to = send.SecretFile(p)
	case here:
		*to = send.SecretText(n.Value)
	}
}

func (d *decoder) required(name string, missing bool) {
	if missing && len(d.errs) == 0 {
		d.fail(nil, "%s is missing", name)
	}
}
