package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify/format"
	"portwatch/internal/notify/send"
	"portwatch/internal/state"
)

// fake is a receiver: do says what it makes of a message, nil takes it.
type fake struct {
	do    func(ctx context.Context, m *format.Message) error
	batch int

	mu    sync.Mutex
	taken []*format.Message
	tries int
}

func (f *fake) Send(ctx context.Context, messages []*format.Message) (int, error) {
	for i, m := range messages {
		f.mu.Lock()
		f.tries++
		f.mu.Unlock()
		f.mu.Lock()
		do := f.do
		f.mu.Unlock()
		if do != nil {
			if err := do(ctx, m); err != nil {
				return i, err
			}
		}
		f.mu.Lock()
		f.taken = append(f.taken, m)
		f.mu.Unlock()
	}
	return len(messages), nil
}

func (f *fake) Batch() int   { return max(f.batch, 1) }
func (f *fake) Close() error { return nil }

// heal has it take everything from now on.
func (f *fake) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = nil
}

// got returns what was taken, as "firing 21".
func (f *fake) got() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, m := range f.taken {
		if m.Alert == nil {
			all = append(all, fmt.Sprintf("%s %d", m.Event.Type, m.Event.Socket.Port))
			continue
		}
		all = append(all, m.Alert.Status.String()+" "+strings.TrimPrefix(m.Alert.Title, "Unexpected Port Opened: "))
	}
	return strings.Join(all, ", ")
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tries
}

func spec(name string, f *fake) Spec {
	return Spec{Name: name, Type: "fake", source: name, open: func() (send.Sender, error) { return f, nil }}.withDefaults()
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// dispatcher has the receivers of specs told.
func dispatcher(t *testing.T, store *state.Store, specs ...Spec) *Dispatcher {
	t.Helper()
	d := New()
	if err := d.Configure(specs, Options{Log: quietLog(), Store: store, Host: "web1"}); err != nil {
		t.Fatal(err)
	}
	return d
}

func about(port int, s event.Severity) alert.Alert {
	a := alarm()
	a.Title, a.Severity, a.Fingerprint = fmt.Sprintf("Unexpected Port Opened: %d", port), s, fmt.Sprint("fp", port)
	return a
}

func ended(port int, s event.Severity) alert.Alert {
	a := about(port, s)
	a.Status, a.ResolvedAt = alert.Resolved, a.Time.Add(time.Minute)
	return a
}

func closeSoon(t *testing.T, d *Dispatcher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestAlertsArriveAtOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		d := dispatcher(t, nil, spec("ops", f))
		d.Alert(about(21, event.High))
		d.Event(vsftpd()) // not asked for
		d.Status(Status{Status: "ready"})
		d.Alert(ended(21, event.High))
		synctest.Wait()
		if got, want := f.got(), "firing 21, resolved 21"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		closeSoon(t, d)
		if st := d.Stats()[0]; st.Delivered != 2 || st.Queued != 0 || st.Latency.Count != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestSpecFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		high, rules, events := new(fake), new(fake), new(fake)
		a, b, c := spec("high", high), spec("rules", rules), spec("events", events)
		a.MinSeverity = event.High
		b.Rules = []string{"Custom.*"}
		c.Events = true
		d := dispatcher(t, nil, a, b, c)
		d.Alert(about(1, event.Medium))
		d.Alert(about(2, event.Critical))
		custom := about(3, event.Low)
		custom.Rule = "Custom.FTP"
		d.Alert(custom)
		d.Event(vsftpd())
		synctest.Wait()
		for _, w := range []struct {
			f    *fake
			want string
		}{{high, "firing 2"}, {rules, "firing 3"}, {events, "firing 1, firing 2, firing 3, open 21"}} {
			if got := w.f.got(); got != w.want {
				t.Errorf("got %q, want %q", got, w.want)
			}
		}
		closeSoon(t, d)
	})
}

func TestDestinationsOfARule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := new(fake), new(fake)
		d := dispatcher(t, nil, spec("one", one), spec("two", two))
		for port, names := range [][]string{nil, {"one"}, {"two", "nobody"}, {"nobody"}} {
			a := about(port, event.High)
			a.Destinations = names
			d.Alert(a)
		}
		synctest.Wait()
		if got, want := one.got()+" | "+two.got(), "firing 0, firing 1, firing 3 | firing 0, firing 2, firing 3"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		closeSoon(t, d)
	})
}

func TestSlowReceiverDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs, fine := &fake{do: func(ctx context.Context, _ *format.Message) error { <-ctx.Done(); return ctx.Err() }}, new(fake)
		d := dispatcher(t, nil, spec("hangs", hangs), spec("fine", fine))
		start := time.Now()
		for port := range 100 {
			d.Alert(about(port, event.High))
		}
		synctest.Wait()
		if got := len(fine.taken); got != 100 || time.Since(start) != 0 {
			t.Errorf("%d arrived after %v", got, time.Since(start))
		}
		time.Sleep(DefaultTimeout + DefaultFirstRetry*2)
		if n := hangs.count(); n < 2 || n > 3 {
			t.Errorf("%d tries; each has a deadline of %v", n, DefaultTimeout)
		}
		if st := d.Stats()[0]; st.Queued != 100 || st.OldestAge < DefaultTimeout {
			t.Errorf("stats %+v", st)
		}
		start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := d.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "100 notifications for hangs were not delivered and are lost") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > 3200*time.Millisecond {
			t.Errorf("stopping took %v", took)
		}
	})
}

func TestBackOffGrowsAndHeedsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards at and after
		var at []time.Time
		var after time.Duration
		f := &fake{}
		f.do = func(context.Context, *format.Message) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return &send.Error{Err: errors.New("busy"), After: after}
		}
		d := dispatcher(t, nil, spec("ops", f))
		d.Alert(about(21, event.High))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for i := 1; i < len(at); i++ {
			pause, base := at[i].Sub(at[i-1]), min(DefaultFirstRetry<<(i-1), DefaultLastRetry)
			if pause < base/2 || pause > base*3/2 {
				t.Errorf("pause %d is %v, want about %v", i, pause, base)
			}
		}
		if len(at) < 12 || len(at) > 25 {
			t.Errorf("%d tries in 10 minutes", len(at))
		}
		mu.Lock()
		after = 20 * time.Minute
		mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		n := len(at)
		time.Sleep(17 * time.Minute)
		synctest.Wait()
		if len(at) != n {
			t.Errorf("tried %d times though asked to wait", len(at)-n)
		}
		f.heal()
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if f.got() != "firing 21" {
			t.Errorf("got %q", f.got())
		}
		closeSoon(t, d)
	})
}

func TestPermanentErrorCostsOneAndIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other := &fake{batch: 10}, new(fake)
		f.do = func(_ context.Context, m *format.Message) error {
			if strings.HasSuffix(m.Alert.Title, " 2") {
				return &send.Error{Err: errors.New("400 Bad Request"), Permanent: true}
			}
			return nil
		}
		g := newGate()
		close(g.open)
		d := dispatcher(t, nil, spec("ops", f), spec("other", other))
		d.AddJSON("stdout", g)
		for port := range 4 {
			d.Alert(about(port, event.High))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := f.got(), "firing 0, firing 1, firing 3"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if st := d.Stats()[1]; st.Failed != 1 || st.Delivered != 3 {
			t.Errorf("stats %+v", st)
		}
		if got, want := other.got(), "firing Receiver Failing: ops, resolved Receiver Failing: ops"; !strings.Contains(strings.ReplaceAll(got, "firing 3, ", ""), want) {
			t.Errorf("the other was told %q, want %q in it", got, want)
		}
		if all := strings.Join(g.lines(), "\n"); !strings.Contains(all, `"status":"error","error":"400 Bad Request"`) {
			t.Errorf("the output says\n%s", all)
		}
		closeSoon(t, d)
	})
}

func TestReceiverThatFailsForFiveMinutesIsAnAlertAtTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("connection refused")
		f, other := &fake{}, new(fake)
		f.do = func(context.Context, *format.Message) error { return down }
		d := dispatcher(t, nil, spec("ops", f), spec("other", other))
		d.Alert(about(21, event.High))
		time.Sleep(failingAfter - time.Second)
		synctest.Wait()
		if got := other.got(); got != "firing 21" {
			t.Errorf("before: %q", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := other.got(); got != "firing 21, firing Receiver Failing: ops" {
			t.Errorf("after five minutes: %q", got)
		}
		a := other.taken[1].Alert
		if a.Severity != event.High || !strings.Contains(a.Explain, "1 notifications wait for it: connection refused") {
			t.Errorf("told %+v", a)
		}
		f.heal()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := other.got(); got != "firing 21, firing Receiver Failing: ops, resolved Receiver Failing: ops" {
			t.Errorf("recovered: %q", got)
		}
		if other.taken[2].Alert.Fingerprint != a.Fingerprint {
			t.Error("resolved under another fingerprint")
		}
		if f.got() != "firing 21" {
			t.Errorf("it was told of itself: %q", f.got())
		}
		closeSoon(t, d)
	})
}

func TestPoisonedMessageHoldsUpOnlyItsOwnAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.do = func(_ context.Context, m *format.Message) error {
			if m.Alert.Fingerprint == "fp1" {
				return errors.New("500 Internal Server Error")
			}
			return nil
		}
		d := dispatcher(t, nil, spec("ops", f))
		d.Alert(about(1, event.High))
		d.Alert(ended(1, event.High))
		for port := 2; port < 6; port++ {
			d.Alert(about(port, event.High))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got, want := f.got(), "firing 2, firing 3, firing 4, firing 5"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		f.heal()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, want := f.got(), "firing 2, firing 3, firing 4, firing 5, firing 1, resolved 1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		closeSoon(t, d)
	})
}

func TestFullQueueDropsTheOldestOfTheLowestSeverity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.do = func(context.Context, *format.Message) error { return errors.New("down") }
		s := spec("ops", f)
		s.QueueItems, s.Events = 4, true
		g := newGate()
		close(g.open)
		d := dispatcher(t, nil, s)
		d.AddJSON("stdout", g)
		d.Event(vsftpd())
		synctest.Wait() // it is being sent, and is put back
		for port, sev := range []event.Severity{event.Low, event.High, event.Low, event.Critical, event.Medium, event.High} {
			d.Alert(about(port, sev))
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		f.heal()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, want := f.got(), "firing 1, firing 3, firing 4, firing 5"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if st := d.Stats()[1]; st.Dropped != 3 {
			t.Errorf("stats %+v", st)
		}
		closeSoon(t, d)
		if all := strings.Join(g.lines(), "\n"); !strings.Contains(all, `"status":"lost"`) || !strings.Contains(all, `"lost":3`) {
			t.Errorf("the output says\n%s", all)
		}
	})
}

func TestQueueIsBoundedByBytes(t *testing.T) {
	q := newQueue("x", nil, 1000, 64<<10)
	for port := range 1000 {
		a := about(port, event.High)
		a.Description = strings.Repeat("x", 4000)
		a.Context = map[string]any{"more": strings.Repeat("y", 2000)}
		q.push(item{alert: &a})
	}
	n, _, dropped := q.length()
	if n < 5 || n > 10 || uint64(n)+dropped != 1000 || q.bytes > 64<<10 {
		t.Errorf("%d wait, %d were dropped, %d bytes", n, dropped, q.bytes)
	}
}

func TestStopDeliversWhatItCanAndKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	slow := &fake{do: func(ctx context.Context, _ *format.Message) error {
		select {
		case <-time.After(20 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	d := dispatcher(t, store, spec("ops", slow))
	for port := range 50 {
		d.Alert(about(port, event.High))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := d.Close(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("stopping took %v", took)
	}
	closeStore(t, store)
	first := len(slow.taken)
	if first == 0 || first == 50 {
		t.Fatalf("%d were delivered before the stop", first)
	}

	store = open(t, dir)
	defer closeStore(t, store)
	rest := new(fake)
	d = dispatcher(t, store, spec("ops", rest))
	closeSoon(t, d)
	if got := first + len(rest.taken); got != 50 && got != 51 { // one may have been taken as it was interrupted
		t.Errorf("%d + %d were delivered, want 50", first, len(rest.taken))
	}
	last := rest.taken[len(rest.taken)-1].Alert
	if last.Title != "Unexpected Port Opened: 49" || last.Event == nil || last.Event.Socket.Port != 21 || last.Explain == "" {
		t.Errorf("the last one came back as %+v", last)
	}
}

func TestDeadReceiverDoesNotHoldUpTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{do: func(context.Context, *format.Message) error { return errors.New("connection refused") }}
		d := dispatcher(t, nil, spec("ops", f))
		d.Alert(about(21, event.High))
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := d.Close(ctx); err == nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestReloadKeepsWhatIsTheSameAndTheQueueOfWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		same, before, after, gone := new(fake), &fake{}, new(fake), &fake{}
		down := func(context.Context, *format.Message) error { return errors.New("down") }
		before.do, gone.do = down, down
		d := dispatcher(t, nil, spec("same", same), spec("changed", before), spec("gone", gone))
		d.Alert(about(1, event.High))
		d.Alert(about(2, event.High))
		synctest.Wait()
		changed, never := spec("changed", after), spec("same", new(fake))
		changed.source = "another"
		never.source = "same"
		if err := d.Configure([]Spec{never, changed}, Options{Log: quietLog()}); err != nil {
			t.Fatal(err)
		}
		d.Alert(about(3, event.High))
		synctest.Wait()
		for _, f := range []*fake{same, after} {
			if got, want := f.got(), "firing 1, firing 2, firing 3"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if len(d.Stats()) != 2 {
			t.Errorf("stats %+v", d.Stats())
		}
		closeSoon(t, d)
	})
}

func TestReceiverThatCannotBeOpenedChangesNothing(t *testing.T) {
	f := new(fake)
	d := dispatcher(t, nil, spec("ops", f))
	bad := Spec{Name: "bad", File: "portwatch.yaml", Line: 7, open: func() (send.Sender, error) { return nil, errors.New("no such file") }}
	err := d.Configure([]Spec{bad}, Options{Log: quietLog()})
	if err == nil || err.Error() != "portwatch.yaml:7: receiver bad: no such file" || len(d.Stats()) != 1 {
		t.Errorf("got %v, %+v", err, d.Stats())
	}
	if err := Check([]Spec{bad}); err == nil {
		t.Error("Check found it fine")
	}
	closeSoon(t, d)
}

func open(t *testing.T, dir string) *state.Store {
	t.Helper()
	s, err := state.Open(dir, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *state.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestFailingIsRememberedOverARestart(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	d := dispatcher(t, store, spec("ops", new(fake)))
	d.failing("ops", time.Now(), 3, errors.New("down"))
	closeSoon(t, d)
	closeStore(t, store)
	store = open(t, dir)
	defer closeStore(t, store)
	other := new(fake)
	d = dispatcher(t, store, spec("ops", new(fake)), spec("other", other))
	d.Alert(about(21, event.High))
	for len(d.alarmed()) > 0 { // until the delivery to ops succeeded
		time.Sleep(time.Millisecond)
	}
	closeSoon(t, d)
	if got := other.got(); !strings.Contains(got, "resolved Receiver Failing: ops") {
		t.Errorf("told %q", got)
	}
}

func TestSelfTest(t *testing.T) {
	f := new(fake)
	r := SelfTest(t.Context(), spec("ops", f), "web1")
	if r.Err != nil || len(f.taken) != 2 || f.taken[0].Alert.Fingerprint != f.taken[1].Alert.Fingerprint {
		t.Fatalf("got %+v, %q", r, f.got())
	}
	if a := f.taken[0].Alert; !strings.HasPrefix(a.Title, "TEST of portwatch, not an alert") || a.Host != "web1" || a.Severity != event.High {
		t.Errorf("sent %+v", a)
	}
	f.do = func(context.Context, *format.Message) error { return errors.New("connection refused") }
	if r := SelfTest(t.Context(), spec("ops", f), "web1"); r.Err == nil || r.Err.Error() != "connection refused" {
		t.Errorf("got %+v", r)
	}
}

// refresher is a receiver that forgets.
type refresher struct {
	fake
	due     time.Time
	resumed int
	fresh   int
}

func (r *refresher) RefreshAt() time.Time { return r.due }
func (r *refresher) Refresh(context.Context) error {
	r.fresh++
	r.due = time.Now().Add(time.Minute)
	return nil
}
func (r *refresher) Resume(active []*format.Message) { r.resumed, r.due = len(active), time.Now() }

func TestReceiverIsRemindedOfWhatFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(refresher)
		s := spec("am", nil)
		s.MinSeverity = event.High
		s.open = func() (send.Sender, error) { return r, nil }
		d := New()
		opts := Options{Log: quietLog(), Active: []alert.Alert{about(1, event.High), about(2, event.Low)}}
		if err := d.Configure([]Spec{s}, opts); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if r.resumed != 1 || r.fresh != 11 {
			t.Errorf("resumed with %d, reminded %d times; want 1 and 11", r.resumed, r.fresh)
		}
		closeSoon(t, d)
	})
}

func TestOrphans(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	down := &fake{do: func(context.Context, *format.Message) error { return errors.New("down") }}
	d := dispatcher(t, store, spec("old name", down))
	d.Alert(about(21, event.High))
	closeSoon(t, d)
	closeStore(t, store)
	store = open(t, dir)
	defer closeStore(t, store)
	got, err := Orphans(store, []Spec{spec("new name", down)})
	if err != nil || fmt.Sprint(got) != "[old name]" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSpoiledQueueIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	for i, v := range []string{"", "{}", "null", `{"alert":{"kind":"event"}}`, "\xff\x00"} {
		store.Put(queueBucket+"ops", fmt.Sprintf("%016x", i+1), func() ([]byte, error) { return []byte(v), nil })
	}
	store.Put(queueBucket+"ops", "no number", func() ([]byte, error) { return []byte("{}"), nil })
	d := dispatcher(t, store, spec("none", new(fake)))
	closeSoon(t, d)
	closeStore(t, store)
	store = open(t, dir)
	defer closeStore(t, store)
	var said bytes.Buffer
	q := newQueue("ops", store, 10, 1<<20)
	q.load(slog.New(slog.NewTextHandler(&said, nil)))
	if n, _, _ := q.length(); n != 0 || !strings.Contains(said.String(), "lost=6") {
		t.Errorf("%d wait, said %s", n, said.String())
	}
}
