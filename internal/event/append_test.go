package event

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// whole returns an event in which nothing is empty.
func whole() *Event {
	e := vsftpd()
	fill := func(v any) {
		s := reflect.ValueOf(v).Elem()
		for i := range s.NumField() {
			switch f := s.Field(i); f.Kind() {
			case reflect.String:
				f.SetString("x")
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Uint32, reflect.Uint16, reflect.Uint64:
				f.SetUint(7)
			}
		}
	}
	fill(&e.Socket)
	fill(e.Process)
	e.Process.Ancestry = []Ancestor{{PID: 1, Comm: "init", Exe: "/sbin/init"}}
	e.Type, e.Count, e.Socket.Role = Close, 3, Server
	e.OpenedAt = e.Time.Add(-time.Second)
	return e
}

func TestAppendJSONWritesEveryFieldOfTheContract(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(whole().AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	var want []string
	for f := range reflect.TypeFor[record]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, name)
	}
	slices.Sort(want)
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
		t.Errorf("wrote %v\nwant  %v", keys, want)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("/usr/sbin/vsftpd")
	f.Add("\x1b]0;\xff\u2028\"\\\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var got, want string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		reference, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q reads back as %q, want %q", s, got, want)
		}
		for _, c := range b {
			if c < ' ' || c == 0x7f {
				t.Errorf("%q holds a control character", b)
			}
		}
	})
}
