package notify

import (
	"encoding/json"
	"io"
)

// New returns a dispatcher without receivers: it tells nobody.
func New() *Dispatcher { return new(Dispatcher) }

// AddJSON has everything written to w, one JSON object a line.
func (d *Dispatcher) AddJSON(name string, w io.Writer) {
	d.receivers = append(d.receivers, newStream(name, w, appendJSON))
}

// AddText has everything written to w for people to read.
func (d *Dispatcher) AddText(name string, w io.Writer, colour bool) {
	t := text{colour: colour}
	d.receivers = append(d.receivers, newStream(name, w, t.append))
}

func appendJSON(b []byte, it item) []byte {
	var v any
	switch {
	case it.event != nil:
		v = it.event
	case it.alert != nil:
		v = it.alert
	default:
		v = it.status
	}
	line, err := json.Marshal(v)
	if err != nil { // a rule's context may hold what JSON cannot
		line, _ = json.Marshal(Status{Status: "error", Fields: map[string]any{"error": err.Error()}})
	}
	return append(append(b, line...), '\n')
}
