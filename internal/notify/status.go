package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"portwatch/internal/event"
)

// Status is a line about portwatch itself.
type Status struct {
	Time   time.Time      // zero is now
	Status string         // ready, reload, lost, repaired, stopping, error
	Fields map[string]any // values that JSON holds
}

// MarshalJSON writes kind, time and status, and then the fields by name.
func (s Status) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"kind":"status","time":%s,"status":%s`, quote(event.FormatTime(s.Time)), quote(s.Status))
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		value, err := json.Marshal(s.Fields[name])
		if err != nil {
			value = quote(err.Error())
		}
		fmt.Fprintf(&b, ",%s:%s", quote(name), value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string is always taken; what is not UTF-8 is replaced
	return b
}
