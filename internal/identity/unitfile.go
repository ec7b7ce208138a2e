package identity

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"portwatch/internal/event"
)

// A listen is an address as ListenStream= and ListenDatagram= give it.
type listen struct {
	protocol event.Protocol
	address  netip.Addr // not valid: any
	port     uint16
	device   string
}

func (l *listen) is(s *event.Socket) bool {
	return l.protocol == s.Protocol && l.port == s.Port && (l.device == "" || l.device == s.Device) &&
		(l.address == s.Address.Unmap() || !l.address.IsValid() && s.Address.Unmap().IsUnspecified())
}

// unitParser reads the Listen settings of unit files; see systemd.syntax(7).
type unitParser struct {
	instance string
	listens  []listen
}

const maxListens = 64

func (p *unitParser) read(b []byte) {
	section := ""
	var continued string
	for line := range bytes.Lines(b) {
		text := strings.TrimSpace(string(line))
		if text != "" && (text[0] == '#' || text[0] == ';') {
			continue
		}
		text = continued + text
		if s, ok := strings.CutSuffix(text, `\`); ok {
			continued = s + " "
			continue
		}
		continued = ""
		if strings.HasPrefix(text, "[") {
			section = text
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if key = strings.TrimSpace(key); section == "[Socket]" && ok {
			p.set(key, strings.TrimSpace(value))
		}
	}
}

func (p *unitParser) set(key, value string) {
	var protocol event.Protocol
	switch key {
	case "ListenStream":
		protocol = event.TCP
	case "ListenDatagram":
		protocol = event.UDP
	case "ListenSequentialPacket", "ListenFIFO", "ListenSpecial", "ListenNetlink", "ListenMessageQueue", "ListenUSBFunction":
	default:
		return
	}
	if value == "" {
		p.listens = nil // of whatever kind
		return
	}
	l, ok := parseListen(p.specifiers(value))
	if l.protocol = protocol; ok && protocol != 0 && len(p.listens) < maxListens {
		p.listens = append(p.listens, l)
	}
}

// specifiers puts in the instance. Others depend on what only systemd knows;
// what is left of them is no address.
func (p *unitParser) specifiers(value string) string {
	if !strings.Contains(value, "%") {
		return value
	}
	return strings.NewReplacer("%i", p.instance, "%I", unescape(p.instance)).Replace(value)
}

// parseListen reads 21, 127.0.0.1:21, [::1]:21, each with %DEVICE behind it
// or not. A path, an abstract socket or a vsock address is none.
func parseListen(value string) (l listen, ok bool) {
	if i := strings.LastIndexByte(value, '%'); i > strings.LastIndexByte(value, ']') {
		value, l.device = value[:i], value[i+1:]
	}
	if port, err := strconv.ParseUint(value, 10, 16); err == nil && port > 0 {
		l.port = uint16(port)
		return l, true
	}
	ap, err := netip.ParseAddrPort(value)
	if err != nil {
		return l, false
	}
	l.address, l.port = ap.Addr().Unmap().WithZone(""), ap.Port()
	return l, true
}
