package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

func openIn(t *testing.T, dir string) (*Store, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	s, err := Open(dir, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, &said
}

func text(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func closeNow(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func kept(t *testing.T, s *Store, bucket string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	if err := s.Load(bucket, func(k string, v []byte) { all[k] = string(v) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatWasPutIsThereAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	s, _ := openIn(t, dir)
	s.Put("a", "1", text("one"))
	s.Put("a", "2", text("two"))
	s.Put("a", "2", text("three"))
	s.Put("b", "1", text("other"))
	if err := s.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	s.Delete("a", "1")
	s.Add("a", "4", text("never written"))
	s.Delete("a", "4")
	s.Put("c", "1", text("x"))
	s.DeleteBucket("b")
	s.Put("b", "2", text("after"))
	closeNow(t, s)
	s, said := openIn(t, dir)
	defer closeNow(t, s)
	for bucket, want := range map[string]map[string]string{
		"a": {"2": "three"}, "b": {"2": "after"}, "c": {"1": "x"}, "none": {},
	} {
		if got := kept(t, s, bucket); !maps.Equal(got, want) {
			t.Errorf("%s holds %v, want %v", bucket, got, want)
		}
	}
	if said.Len() > 0 {
		t.Errorf("said %s", said)
	}
}

func TestDeliveredAtOnceIsNeverWritten(t *testing.T) {
	s, _ := openIn(t, t.TempDir())
	defer closeNow(t, s)
	for i := range 100 {
		s.Add("q", fmt.Sprint(i), func() ([]byte, error) {
			t.Error("encoded what was deleted before")
			return nil, nil
		})
		s.Delete("q", fmt.Sprint(i))
	}
	if err := s.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func TestSecondPortwatchIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("waits five seconds for the first one to end")
	}
	dir := t.TempDir()
	s, _ := openIn(t, dir)
	defer closeNow(t, s)
	if _, err := Open(dir, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
	s.Put("a", "1", text("still works"))
	if err := s.Sync(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestFolderThatCannotBeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "x"), slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "state folder: ") {
		t.Errorf("got %v", err)
	}
}

// TestDamageDoesNotStopUs flips, cuts and overwrites the file everywhere.
func TestDamageDoesNotStopUs(t *testing.T) {
	dir := t.TempDir()
	s, _ := openIn(t, dir)
	for i := range 2000 {
		s.Put(fmt.Sprint("bucket", i%7), fmt.Sprint(i), text(strings.Repeat("v", 100)))
	}
	closeNow(t, s)
	path := filepath.Join(dir, fileName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	said := 0
	for i := range 60 {
		bad := bytes.Clone(good)
		switch at := rng.IntN(len(bad)); i % 4 {
		case 0:
			bad[at] ^= byte(1 + rng.IntN(255))
		case 1:
			bad = bad[:at]
		case 2: // a page of noise
			for j := at &^ 4095; j < at&^4095+4096; j++ {
				bad[j] = byte(rng.Uint32())
			}
		case 3: // the header of a page
			bad[at&^4095+rng.IntN(16)] ^= byte(1 + rng.IntN(255))
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, log := openIn(t, dir)
		s.Put("new", "1", text("works"))
		err := s.Sync(soon(t))
		if err == nil {
			if got := kept(t, s, "new")["1"]; got != "works" {
				t.Fatalf("damage %d: kept %q", i, got)
			}
		}
		if log.Len() > 0 {
			said++
		} else if err != nil {
			t.Errorf("damage %d: %v, and nothing was said", i, err)
		}
		s.Close(soon(t))
	}
	if said < 20 {
		t.Errorf("%d of 60 damaged files were noticed", said)
	}
}

func TestFileThatEndedTheLastStartIsPutAside(t *testing.T) {
	dir := t.TempDir()
	s, _ := openIn(t, dir)
	s.Put("a", "1", text("one"))
	closeNow(t, s)
	if err := os.WriteFile(filepath.Join(dir, fileName+".opening"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, said := openIn(t, dir)
	defer closeNow(t, s)
	if got := kept(t, s, "a"); len(got) != 0 || !strings.Contains(said.String(), "ended portwatch") {
		t.Errorf("holds %v, said %q", got, said)
	}
	if _, err := os.Stat(filepath.Join(dir, fileName+".damaged")); err != nil {
		t.Error(err)
	}
}

func TestKillMinusNineLosesNothingThatWasSynced(t *testing.T) {
	if dir := os.Getenv("PORTWATCH_TEST_STATE"); dir != "" {
		s, err := Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			s.Add("q", fmt.Sprintf("%06d", i), text("v"))
			if i%10 == 9 {
				if err := s.Sync(context.Background()); err != nil {
					t.Fatal(err)
				}
				fmt.Println("synced", i+1)
			}
		}
	}
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run=^TestKillMinusNineLosesNothingThatWasSynced$")
	c.Env = append(os.Environ(), "PORTWATCH_TEST_STATE="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var synced int
	for synced < 200 {
		if _, err := fmt.Fscanf(out, "synced %d\n", &synced); err != nil {
			t.Fatal(err)
		}
	}
	c.Process.Kill()
	c.Wait()
	s, said := openIn(t, dir)
	defer closeNow(t, s)
	if got := len(kept(t, s, "q")); got < synced || said.Len() > 0 {
		t.Errorf("%d are there, %d were synced; said %q", got, synced, said)
	}
}

func TestAlertsAreKept(t *testing.T) {
	dir := t.TempDir()
	s, _ := openIn(t, dir)
	if _, found, err := s.LoadAlerts(); found || err != nil {
		t.Errorf("a new folder: found %v, %v", found, err)
	}
	book := alert.NewBook(alert.Options{ResolveAfter: time.Second})
	book.Track()
	at := alert.Moment{Boot: time.Hour, Wall: time.Now().UTC(), BootID: "b"}
	ev := &event.Event{Type: event.Open, Time: at.Wall}
	book.Open(at.Boot, 7, event.Match{Rule: "allow", Dedup: "x", Severity: event.High, Title: "x"}, ev)
	book.Open(at.Boot, 8, event.Match{Rule: "allow", Dedup: "y", Severity: event.High, Title: "y"}, ev)
	s.SaveAlerts(book, at)
	closeNow(t, s)

	s, _ = openIn(t, dir)
	st, found, err := s.LoadAlerts()
	if !found || err != nil || len(st.Alerts) != 2 || st.Saved.BootID != "b" {
		t.Fatalf("loaded %+v, %v, %v", st, found, err)
	}
	book = alert.Restore(alert.Options{ResolveAfter: time.Second}, st, at)
	book.Track()
	book.Close(at.Boot, 7, ev)
	book.Tick(at.Boot + time.Minute)
	book.Tick(at.Boot + 48*time.Hour)
	s.SaveAlerts(book, at)
	closeNow(t, s)
	s, _ = openIn(t, dir)
	defer closeNow(t, s)
	if st, _, _ := s.LoadAlerts(); len(st.Alerts) != 1 || st.Alerts[0].Alert.Dedup != "y" {
		t.Errorf("loaded %+v, want y alone", st.Alerts)
	}
}

func TestWithoutAStoreNothingIsKept(t *testing.T) {
	var s *Store
	s.Put("a", "1", text("x"))
	s.Add("a", "1", text("x"))
	s.Delete("a", "1")
	s.DeleteBucket("a")
	if err := errors.Join(s.Sync(t.Context()), s.Err(), s.Load("a", nil), s.Close(t.Context())); err != nil {
		t.Error(err)
	}
}
