package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A parser walks the nodes of one file and collects its mistakes.
type parser struct {
	file  string
	errs  []*Error
	nodes int // visited so far

	users map[string][]int // names to look up, with the lines that have them
}

// Bounds on what one file can make us do: aliases let a short file name
// very many nodes.
const (
	maxNodes  = 1 << 20
	maxErrors = 50
)

func newParser(file string) *parser {
	return &parser{file: file, users: make(map[string][]int)}
}

// add notes a mistake at a node.
func (p *parser) add(n *yaml.Node, format string, args ...any) {
	p.addAt(n.Line, format, args...)
}

func (p *parser) addAt(line int, format string, args ...any) {
	p.errs = append(p.errs, &Error{File: p.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// err returns the mistakes, a line each, in the order of the file.
func (p *parser) err() error {
	slices.SortStableFunc(p.errs, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	var errs []error
	for i, e := range p.errs {
		if i == maxErrors {
			errs = append(errs, fmt.Errorf("%s: and %d mistakes more", p.file, len(p.errs)-i))
			break
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// document returns the top node of the text, nil if there is none.
func (p *parser) document(src []byte) *yaml.Node {
	d := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		p.syntax(err, src)
		return nil
	}
	var more yaml.Node
	switch err := d.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		p.syntax(err, src)
	default:
		p.add(&more, "a second document begins here; a configuration is one")
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

var (
	yamlLine   = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax notes an error of the YAML library.
func (p *parser) syntax(err error, src []byte) {
	msg, line := err.Error(), 0
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = msg[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
	}
	if m := yamlAnchor.FindStringSubmatch(msg); m != nil {
		// The name may well be a password that begins with a star.
		if i := bytes.Index(src, []byte("*"+m[1])); i >= 0 {
			line = 1 + bytes.Count(src[:i], []byte("\n"))
		}
		p.addAt(line, "an alias has no anchor; quote a value that begins with *")
		return
	}
	p.addAt(line, "not YAML: %s", msg)
}

// seen follows an alias and counts the node. It returns nil when the file
// names too many.
func (p *parser) seen(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if p.nodes++; p.nodes > maxNodes {
		if p.nodes == maxNodes+1 {
			p.add(n, "the aliases of this file stand for more than %d values", maxNodes)
		}
		return nil
	}
	return n
}

// A pair is one key of a mapping with its value.
type pair struct {
	key   string
	at    *yaml.Node // the key
	value *yaml.Node
}

// pairs returns the pairs of a mapping whose keys are among known. What says
// what the mapping is, in messages: "a clause".
func (p *parser) pairs(n *yaml.Node, what, example string, known []string) []pair {
	if n = p.seen(n); n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		p.add(n, "%s is a mapping such as %s, not %s", what, example, kindOf(n))
		return nil
	}
	var pairs []pair
	lines := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], p.seen(n.Content[i+1])
		if v == nil {
			return nil
		}
		if k = p.seen(k); k == nil {
			return nil
		}
		if k.Kind != yaml.ScalarNode {
			p.add(k, "a key of %s is a word, not %s", what, kindOf(k))
			continue
		}
		if k.ShortTag() == "!!merge" {
			p.add(k, "<< is not supported; write the keys out")
			continue
		}
		if known != nil && !slices.Contains(known, k.Value) {
			p.add(k, "%s has no key %s; %s", what, text(k.Value), suggest(k.Value, known))
			continue
		}
		if first, twice := lines[k.Value]; twice {
			p.add(k, "%s has the key %s twice, first in line %d; keep one", what, text(k.Value), first)
			continue
		}
		lines[k.Value] = k.Line
		pairs = append(pairs, pair{k.Value, k, v})
	}
	return pairs
}

// list returns the items of a sequence; a single value is a list of one.
func (p *parser) list(n *yaml.Node) []*yaml.Node {
	if n = p.seen(n); n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	items := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		if item = p.seen(item); item == nil {
			return nil
		}
		items = append(items, item)
	}
	return items
}

// sequence returns the items of a sequence and nothing else will do.
func (p *parser) sequence(n *yaml.Node, what, example string) []*yaml.Node {
	if n = p.seen(n); n == nil || isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.add(n, "%s is a list such as %s, not %s", what, example, kindOf(n))
		return nil
	}
	return p.list(n)
}

// scalar returns the text of a scalar that is not null.
func (p *parser) scalar(n *yaml.Node, what string) (string, bool) {
	if n = p.seen(n); n == nil {
		return "", false
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		p.add(n, "%s is one value, not %s", what, kindOf(n))
		return "", false
	case isNull(n):
		p.add(n, "%s has no value", what)
		return "", false
	}
	return n.Value, true
}

func (p *parser) boolean(n *yaml.Node, what string) (value, ok bool) {
	s, ok := p.scalar(n, what)
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	p.add(n, "%s %s is not true or false", what, text(s))
	return false, false
}

func isNull(n *yaml.Node) bool {
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// kindOf names what a node is, for a message about what it should be.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if isNull(n) {
		return "empty"
	}
	return text(n.Value)
}

// textBytes bounds the text of a file that a message repeats.
const textBytes = 100

// text quotes a text of the file for a message.
func text(s string) string {
	if len(s) > textBytes {
		return strconv.Quote(strings.ToValidUTF8(s[:textBytes], "")) + "..."
	}
	return strconv.Quote(s)
}
