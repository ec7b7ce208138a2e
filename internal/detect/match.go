package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"portwatch/internal/event"
)

// Title returns what an alert about an unexpected port is called.
func Title(port uint16) string { return "Unexpected Port Opened: " + strconv.Itoa(int(port)) }

// Match returns the reason to alert that a judged event is, if it is one.
//
// A verdict of unknown alerts like one of unexpected: what hides its owner
// must not pass unseen. But as the owner is what is not known, it is left
// out of the dedup key: a port that is opened again and again by nobody we
// can name makes one alert.
func (p *Policy) Match(e *event.Event) (event.Match, bool) {
	if e.Type != event.Open || e.Verdict != event.Unexpected && e.Verdict != event.Unknown {
		return event.Match{}, false
	}
	return event.Match{
		Rule:        e.Rule,
		Title:       Title(e.Socket.Port),
		Dedup:       dedup(e),
		Severity:    e.Severity,
		Explain:     e.Explain,
		Description: "A port was opened that the allow-list does not let pass.",
		Runbook:     "portwatch explain " + portOf(&e.Socket) + " names the nearest clause and the line that would allow it.",
		Threshold:   1,
		Period:      p.dedupPeriod,
	}, true
}

// dedupBytes bounds a dedup key, as Panther does.
const dedupBytes = 1000

// dedup returns title, host, container and executable as one key. The
// executable comes last and escaped, so that no choice of its path makes
// the key of another alert.
func dedup(e *event.Event) string {
	var host, container, exe string
	if e.Host != nil {
		host = e.Host.Name
	}
	if p := e.Process; p != nil && e.Verdict != event.Unknown {
		container, exe = p.ContainerID, p.Exe
	}
	if e.Verdict == event.Unknown {
		exe = notKnownText
	}
	key := strings.Join([]string{Title(e.Socket.Port), escape(host), escape(container), escape(exe)}, "|")
	if len(key) > dedupBytes {
		sum := sha256.Sum256([]byte(key))
		key = strings.ToValidUTF8(key[:dedupBytes-2*len(sum)-1], "") + "|" + hex.EncodeToString(sum[:])
	}
	return key
}

// escape makes text printable without making two texts one.
func escape(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], "|", `\x7c`)
}
