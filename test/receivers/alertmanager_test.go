package receivers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portwatch/internal/alert"
)

// seen is an alert as Alertmanager shows it.
type seen struct {
	Labels, Annotations map[string]string
	EndsAt              time.Time
	Status              struct{ State string }
}

// alertmanager runs Debian's, with everything forgotten that is older than a
// second.
func alertmanager(t *testing.T, dir string, port int) *process {
	config := write(t, filepath.Join(dir, "alertmanager.yml"), `
global: {resolve_timeout: 1s}
route: {receiver: nobody}
receivers: [{name: nobody}]
`)
	// Debian's looks for its templates under /usr/share: it gets a view of
	// that with them in it.
	script := `mount -t overlay overlay -o "lowerdir=$1/usr/share:/usr/share" /usr/share && shift && exec "$@"`
	p := start(t, "unshare", unshareMounts(), "sh", "-c", script, "sh", root(t), root(t)+"/usr/bin/prometheus-alertmanager", "--config.file="+config, "--storage.path="+dir,
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--cluster.listen-address=", "--log.level=warn")
	until(t, "Alertmanager is ready", func() bool {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/-/ready", port))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// unshareMounts is how unshare(1) gives a process mounts of its own.
func unshareMounts() string {
	if os.Getuid() == 0 {
		return "-m"
	}
	return "-rm"
}

// active returns what an Alertmanager takes for firing, by fingerprint.
func active(t *testing.T, port int) map[string]seen {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v2/alerts?active=true", port))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []seen
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	byFingerprint := make(map[string]seen)
	for _, a := range all {
		byFingerprint[a.Labels["fingerprint"]] = a
	}
	return byFingerprint
}

func TestAlertmanager(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	am := alertmanager(t, dir, port)
	config := fmt.Sprintf("[{name: am, type: alertmanager, url: 'http://127.0.0.1:%d', resend: 500ms, retry: {first: 50ms, last: 200ms}}]", port)
	d := tellTo(t, nil, config)
	a := firing(21)
	d.Alert(a)
	d.Alert(firing(23))
	until(t, "both alerts are there", func() bool { return len(active(t, port)) == 2 })
	got := active(t, port)[a.Fingerprint]
	for name, want := range map[string]string{"alertname": "UnexpectedPortOpened", "severity": "high", "instance": "web1", "rule": "allow"} {
		if got.Labels[name] != want {
			t.Errorf("label %s is %q, want %q", name, got.Labels[name], want)
		}
	}
	if got.Annotations["summary"] != a.Title || got.Annotations["exe"] != "/usr/sbin/vsftpd" {
		t.Errorf("annotations %v", got.Annotations)
	}

	// Neither expires while its port stays open: not after resolve_timeout,
	// and not after the end that came with the first notification.
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if n := len(active(t, port)); n != 2 {
			t.Fatalf("%d alerts are active, want both until they are resolved", n)
		}
	}

	d.Alert(resolved(23))
	until(t, "one is resolved", func() bool { return len(active(t, port)) == 1 })

	// One that is restarted and has forgotten everything is told again;
	// what was resolved while it was away it never hears of as firing.
	am.stop()
	d.Alert(firing(25))
	d.Alert(resolved(25))
	am = alertmanager(t, t.TempDir(), port)
	until(t, "the alert is there again", func() bool { _, ok := active(t, port)[a.Fingerprint]; return ok })
	until(t, "everything is delivered", func() bool { return queued(d, "am").Queued == 0 })
	until(t, "port 25 is resolved", func() bool { return len(active(t, port)) == 1 })

	// A new run goes on to remind it of what an earlier one told.
	ctx, cancel := contextFor(3 * time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Error(err)
	}
	d = tellTo(t, nil, config, []alert.Alert{a}...)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if _, ok := active(t, port)[a.Fingerprint]; !ok {
			t.Fatal("after a restart of ours the alert expired")
		}
	}
	d.Alert(resolved(21))
	until(t, "the last one is resolved", func() bool { return len(active(t, port)) == 0 })
	am.stop()
}
