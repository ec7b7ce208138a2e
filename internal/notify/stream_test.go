package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a writer that waits until it is opened.
type gate struct {
	open   chan struct{}
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) Write(b []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writes++
	return g.text.Write(b)
}

func (g *gate) lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Split(strings.TrimSuffix(g.text.String(), "\n"), "\n")
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAlertIsWrittenAtOnceAndInOrder(t *testing.T) {
	r, w := io.Pipe()
	d := New()
	d.AddJSON("stdout", w)
	lines := json.NewDecoder(r)
	d.Status(Status{Status: "ready"})
	d.Event(vsftpd())
	d.Alert(alarm())
	for _, want := range []string{"status", "event", "alert"} {
		var got struct{ Kind string }
		if err := lines.Decode(&got); err != nil || got.Kind != want {
			t.Fatalf("got a line of kind %q, %v, want %s", got.Kind, err, want)
		}
	}
	if err := d.Close(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	st := d.Stats()[0]
	if st.Delivered != 3 || st.Queued != 0 || st.Latency.Count != 2 || st.Latency.Sum < 2*vsftpd().Latency {
		t.Errorf("stats %+v, want 3 delivered, the latency of 2", st)
	}
}

func TestStopDrains(t *testing.T) {
	g := newGate()
	d := New()
	d.AddJSON("stdout", g)
	for range 1000 {
		d.Event(vsftpd())
	}
	close(g.open)
	if err := d.Close(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := len(g.lines()); got != 1000 {
		t.Errorf("%d lines, want 1000", got)
	}
	if g.writes > 50 {
		t.Errorf("%d write(2) for 1000 lines", g.writes)
	}
}

func TestStuckOutputDelaysNobodyAndLossIsSaid(t *testing.T) {
	g, other := newGate(), newGate()
	close(other.open)
	d := New()
	d.AddText("stdout", g, false)
	d.AddJSON("other", other)
	const extra = 500
	for i := range 2*streamItems + extra {
		d.Event(vsftpd())
		if i%1000 == 0 { // let the other one keep up
			for d.Stats()[1].Queued > 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	st := d.Stats()
	if st[0].Queued < streamItems || st[0].Dropped == 0 || st[0].OldestAge <= 0 || st[1].Dropped != 0 {
		t.Errorf("stuck: %+v\nother: %+v", st[0], st[1])
	}
	close(g.open)
	if err := d.Close(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	after := d.Stats()[0]
	lines := g.lines()
	last := lines[len(lines)-1]
	if !strings.Contains(last, "lost") || !strings.Contains(last, "too slow") {
		t.Errorf("the last line is %q, want what was lost", last)
	}
	if got, want := after.Delivered+after.Dropped, uint64(2*streamItems+extra+1); got != want {
		t.Errorf("%d delivered + %d dropped = %d, want %d", after.Delivered, after.Dropped, got, want)
	}
}

func TestStopDoesNotWaitForAStuckOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		d := New()
		d.AddJSON("stdout", g)
		d.Event(vsftpd())
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := d.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("returned %v after %v", err, time.Since(start))
		}
		close(g.open)
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFailedWriteIsCounted(t *testing.T) {
	d := New()
	d.AddJSON("stdout", broken{})
	d.Event(vsftpd())
	d.Close(within(t, time.Minute))
	if st := d.Stats()[0]; st.Failed != 1 || st.Delivered != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestStatusJSON(t *testing.T) {
	b, err := json.Marshal(Status{Time: time.Unix(0, 0), Status: "ready", Fields: map[string]any{
		"tier": "fexit", "hooks": []string{"a"}, "snapshot": 12, "bad": func() {},
	}})
	want := `{"kind":"status","time":"1970-01-01T00:00:00.000000Z","status":"ready","bad":"json: unsupported type: func()","hooks":["a"],"snapshot":12,"tier":"fexit"}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

func BenchmarkOffer(b *testing.B) {
	d := New()
	d.AddJSON("stdout", io.Discard)
	ev := vsftpd()
	for b.Loop() {
		d.Event(ev)
	}
	d.Close(b.Context())
	b.ReportMetric(float64(d.Stats()[0].Dropped)/float64(b.N), "dropped/op")
}

func BenchmarkJSONLine(b *testing.B) {
	it := item{event: vsftpd()}
	var buf []byte
	for b.Loop() {
		buf = appendJSON(buf[:0], &it)
	}
}

func BenchmarkTextLine(b *testing.B) {
	it := item{event: vsftpd()}
	var buf []byte
	for b.Loop() {
		buf = text{colour: true}.append(buf[:0], &it)
	}
}
