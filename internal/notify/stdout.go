package notify

import (
	"encoding/json"
	"io"
)

// AddJSON has everything written to w, one JSON object a line.
func (d *Dispatcher) AddJSON(name string, w io.Writer) {
	d.receivers = append(d.receivers, newStream(name, w, appendJSON))
}

// AddText has everything written to w for people to read.
func (d *Dispatcher) AddText(name string, w io.Writer, colour bool) {
	d.receivers = append(d.receivers, newStream(name, w, text{colour: colour}.append))
}

func appendJSON(b []byte, it *item) []byte {
	var line []byte
	var err error
	switch {
	case it.event != nil:
		line, err = it.event.MarshalJSON()
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
