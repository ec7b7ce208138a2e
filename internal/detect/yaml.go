package detect

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/event"
)

// String returns the clause as one line of YAML, as the configuration takes
// it.
func (c *Clause) String() string {
	m := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	put := func(key string, values []*yaml.Node) {
		switch len(values) {
		case 0:
			return
		case 1:
			m.Content = append(m.Content, word(key), values[0])
		default:
			m.Content = append(m.Content, word(key), &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: values})
		}
	}
	key := "ports"
	if len(c.Ports) == 1 && c.Ports[0].First == c.Ports[0].Last {
		key = "port"
	}
	put(key, nodes(c.Ports, func(r PortRange) *yaml.Node { return word(r.String()) }))
	put("protocol", nodes(c.Protocols, func(p event.Protocol) *yaml.Node { return word(p.String()) }))
	put("scope", nodes(c.Scopes, func(s event.Scope) *yaml.Node { return word(s.String()) }))
	put("address", nodes(c.Addresses, func(p netip.Prefix) *yaml.Node { return quoted(showPrefix(p)) }))
	if c.HostNetns {
		put("netns", []*yaml.Node{word("host")})
	}
	put("exe", nodes(c.Exes, quoted))
	put("user", nodes(c.Users, func(u User) *yaml.Node { return quoted(u.Name) }))
	put("unit", nodes(c.Units, quoted))
	if c.InContainer != nil {
		put("container", []*yaml.Node{word(fmt.Sprint(*c.InContainer))})
	}
	put("container", nodes(c.Containers, quoted))
	if !c.Until.IsZero() {
		put("until", []*yaml.Node{word(showUntil(c.Until))})
	}
	if c.Reason != "" {
		put("reason", []*yaml.Node{quoted(c.Reason)})
	}
	var b bytes.Buffer
	if err := yaml.NewEncoder(&b).Encode(m); err != nil {
		return "{}" // not reached: the nodes are all of our making
	}
	return escapeUnprintable(strings.TrimSuffix(b.String(), "\n"))
}

func nodes[T any](values []T, node func(T) *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for _, v := range values {
		all = append(all, node(v))
	}
	return all
}

// word is a scalar that means itself without quotes.
func word(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// quoted is a scalar of any text; it is quoted where that is needed.
func quoted(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ToValidUTF8(s, "\uFFFD")}
	if strings.ContainsFunc(n.Value, unprintable) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// escapeUnprintable escapes what YAML would let stand and a terminal should
// not be given, such as the characters that turn the direction of writing.
// They stand within double quotes only: quoted saw to that.
func escapeUnprintable(s string) string {
	if !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			fmt.Fprintf(&b, `\U%08X`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// showUntil returns the last day of a clause that is written as a day, or
// the moment.
func showUntil(t time.Time) string {
	if h, m, s := t.Clock(); h == 0 && m == 0 && s == 0 && t.Nanosecond() == 0 {
		return t.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
