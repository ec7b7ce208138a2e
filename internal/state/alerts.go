package state

import (
	"encoding/json"
	"fmt"

	"portwatch/internal/alert"
)

const (
	alertsBucket = "alerts"
	metaBucket   = "meta"
	momentKey    = "moment"
)

// SaveAlerts keeps what changed in the book since it was last called; the
// book must be tracked. at is the present.
func (s *Store) SaveAlerts(book *alert.Book, at alert.Moment) {
	changed, gone := book.TakeChanges()
	if s == nil || len(changed)+len(gone) == 0 {
		return
	}
	for _, a := range changed {
		s.Put(alertsBucket, a.Alert.Fingerprint, func() ([]byte, error) { return json.Marshal(a) })
	}
	for _, fp := range gone {
		s.Delete(alertsBucket, fp)
	}
	s.Put(metaBucket, momentKey, func() ([]byte, error) { return json.Marshal(at) })
}

// LoadAlerts returns the alerts that were kept; found is false if none ever
// were: it is the first start. What cannot be read is left out and said by
// the error, beside the rest.
func (s *Store) LoadAlerts() (st alert.State, found bool, err error) {
	var bad int
	e1 := s.Load(metaBucket, func(key string, value []byte) {
		if key == momentKey && json.Unmarshal(value, &st.Saved) == nil {
			found = true
		}
	})
	e2 := s.Load(alertsBucket, func(_ string, value []byte) {
		var a alert.Saved
		if json.Unmarshal(value, &a) != nil {
			bad++
			return
		}
		st.Alerts = append(st.Alerts, a)
	})
	switch {
	case e1 != nil:
		err = e1
	case e2 != nil:
		err = e2
	case bad > 0:
		err = fmt.Errorf("%d alerts of the state cannot be read", bad)
	}
	return st, found, err
}

// SaveMoment notes that portwatch has run in this folder: the next start is
// not the first.
func (s *Store) SaveMoment(at alert.Moment) {
	s.Put(metaBucket, momentKey, func() ([]byte, error) { return json.Marshal(at) })
}
