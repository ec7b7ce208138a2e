package notify

import (
	"encoding/json"
	"io"
)

// AddJSON has everything written to w, one JSON object a line.
func (d *Dispatcher) AddJSON(name string, w io.Writer) {
	d.add(newStream(name, w, appendJSON))
}

// AddText has everything written to w for people to read.
func (d *Dispatcher) AddText(name string, w io.Writer, colour bool) {
	d.add(newStream(name, w, text{colour: colour}.append))
}

func (d *Dispatcher) add(s *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.streams = append(d.streams, s)
}

func appendJSON(b []byte, it *item) []byte {
	if it.event != nil {
		return append(it.event.AppendJSON(b), '\n')
	}
	var line []byte
	var err error
	switch {
	case it.alert != nil:
		line, err = it.alert.MarshalJSON()
	default:
		line, err = it.status.MarshalJSON()
	}
	if err != nil {
		line, _ = json.Marshal(Status{Status: "error", Fields: map[string]any{"error": err.Error()}})
	}
	return append(append(b, line...), '\n')
}
