package notify

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/state"
)

// BenchmarkWebhook measures from the moment an alert is handed over until a
// live webhook has it, with a state folder on the disk.
func BenchmarkWebhook(b *testing.B) {
	arrived := make(chan time.Time, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		at := time.Now()
		io.Copy(io.Discard, r.Body)
		arrived <- at
	}))
	defer srv.Close()
	var n yaml.Node
	if err := yaml.Unmarshal(fmt.Appendf(nil, "{type: webhook, url: %q}", srv.URL), &n); err != nil {
		b.Fatal(err)
	}
	s, err := Decode("bench.yaml", n.Content[0])
	if err != nil {
		b.Fatal(err)
	}
	store, err := state.Open(b.TempDir(), quietLog())
	if err != nil {
		b.Fatal(err)
	}
	d := New()
	if err := d.Configure([]Spec{s}, Options{Log: quietLog(), Store: store}); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		d.Alert(alarm())
		took = append(took, (<-arrived).Sub(start))
		time.Sleep(time.Millisecond) // as after a while of quiet: nothing is warm
	}
	d.Close(b.Context())
	store.Close(b.Context())
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
	b.ReportMetric(0, "ns/op")
}
