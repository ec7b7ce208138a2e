package send

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

const token = "s3cr3t-t0ken"

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func webhook(t *testing.T, h HTTP) *Webhook {
	t.Helper()
	w, err := NewWebhook(h, format.Native)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestWebhookPostsOverTLSWithAPrivateCA(t *testing.T) {
	var got struct {
		Kind, Title string
	}
	var header http.Header
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	h := HTTP{
		URL: SecretFile(write(t, "url", srv.URL+"/hook\n")), TLS: TLS{CAFile: ca, ServerName: "example.com"},
		Token: SecretFile(write(t, "token", token)), Headers: map[string]Secret{"X-Team": SecretText("blue")},
	}
	deliver(t, webhook(t, h), firing())
	if got.Kind != "alert" || got.Title != "Unexpected Port Opened: 21" ||
		header.Get("Authorization") != "Bearer "+token || header.Get("X-Team") != "blue" || header.Get("Content-Type") != "application/json" {
		t.Errorf("got %+v with %v", got, header)
	}
	h.TLS = TLS{}
	if _, err := webhook(t, h).Send(soon(t), []*format.Message{firing()}); err == nil || !strings.Contains(err.Error(), "certificate") || Permanent(err) {
		t.Errorf("without the CA: %v", err)
	}
}

func TestAnswersAreToldApart(t *testing.T) {
	for _, c := range []struct {
		status    int
		after     string
		permanent bool
		wait      time.Duration
	}{
		{200, "", false, 0}, {202, "", false, 0}, {204, "", false, 0},
		{400, "", true, 0}, {401, "", true, 0}, {404, "", true, 0}, {410, "", true, 0}, {301, "", true, 0}, {308, "", true, 0},
		{408, "", false, 0}, {425, "", false, 0}, {429, "7", false, 7 * time.Second}, {429, "", false, 0},
		{500, "", false, 0}, {502, "", false, 0}, {503, "120", false, 2 * time.Minute}, {503, "99999999", false, time.Hour},
		{503, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), false, 0}, {429, "soon", false, 0}, {429, "-3", false, 0},
	} {
		t.Run(fmt.Sprint(c.status, c.after), func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.Header().Set("Location", "http://elsewhere.invalid/")
				w.WriteHeader(c.status)
				io.WriteString(w, "what\nwent \x1b[2J wrong")
			}))
			defer srv.Close()
			n, err := webhook(t, HTTP{URL: SecretText(srv.URL)}).Send(soon(t), []*format.Message{firing()})
			if c.status < 300 {
				if n != 1 || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
				return
			}
			if n != 0 || err == nil || Permanent(err) != c.permanent || After(err) != c.wait {
				t.Fatalf("got %d, %v; permanent %v, after %v", n, err, Permanent(err), After(err))
			}
			if !strings.Contains(err.Error(), fmt.Sprint(c.status)) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestHangingWebhookEndsWithTheDeadline(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := webhook(t, HTTP{URL: SecretText(srv.URL)}).Send(ctx, []*format.Message{firing()})
	if err == nil || Permanent(err) || time.Since(start) > 10*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

func TestSecretIsReadAnewForEachTry(t *testing.T) {
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.Header.Get("Authorization")) }))
	defer srv.Close()
	path := write(t, "token", "first-token")
	w := webhook(t, HTTP{URL: SecretText(srv.URL), Token: SecretFile(path)})
	deliver(t, w, firing())
	if err := os.WriteFile(path, []byte("second-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	deliver(t, w, firing())
	if want := "Bearer first-token Bearer second-token"; strings.Join(seen, " ") != want {
		t.Errorf("seen %v", seen)
	}
}

// TestErrorsHoldNoSecret goes through every way in which a request fails, and
// every way in which Go prints the error.
func TestErrorsHoldNoSecret(t *testing.T) {
	const path, query, user, pass = "T0/B0000/pathsecret", "querysecret", "usersecret", "passsecret"
	secrets := []string{"pathsecret", query, user, pass, token, "headersecret", "proxysecret"}
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400) // a server that repeats all it was told
		fmt.Fprintln(w, r.URL, r.Header)
		u, p, _ := r.BasicAuth()
		fmt.Fprintln(w, u, p)
	}))
	defer echo.Close()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		c.Close()
	}))
	defer reset.Close()
	with := func(base string) string {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		u.User, u.Path, u.RawQuery = url.UserPassword(user, pass), "/"+path, "key="+query
		return u.String()
	}
	h := HTTP{Token: SecretText(token), Headers: map[string]Secret{"X-Key": SecretText("headersecret")}}
	for name, base := range map[string]string{
		"refused": "http://127.0.0.1:1", "no such host": "http://host.invalid", "echo": echo.URL, "reset": reset.URL,
		"not tls": strings.Replace(echo.URL, "http:", "https:", 1),
	} {
		h.URL = SecretText(with(base))
		_, err := webhook(t, h).Send(soon(t), []*format.Message{firing()})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Error("send", "err", err, "to", h.URL)
		said := fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, log.String())
		for _, s := range secrets {
			if strings.Contains(said, s) {
				t.Errorf("%s: %s shows in %s", name, s, said)
			}
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			t.Errorf("%s: the error still holds a *url.Error", name)
		}
	}
	h.Proxy = SecretText("http://u:proxysecret@127.0.0.1:1")
	if _, err := webhook(t, h).Send(soon(t), []*format.Message{firing()}); err == nil || strings.Contains(err.Error(), "proxysecret") {
		t.Errorf("proxy: %v", err)
	}
	for _, bad := range []string{"https://h.example/%zz/pathsecret", "ftp://pathsecret.example", "pathsecret", "http://"} {
		_, err := NewWebhook(HTTP{URL: SecretText(bad)}, format.Native)
		if err == nil || strings.Contains(err.Error(), "pathsecret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := SecretText("hidden")
	b, _ := json.Marshal(map[string]any{"s": s, "h": HTTP{URL: s, Headers: map[string]Secret{"a": s}}})
	said := fmt.Sprintf("%v %s %q %x %d %+v %#v %s", s, s, s, s, s, HTTP{URL: s}, HTTP{URL: s}, b)
	if strings.Contains(said, "hidden") || strings.Contains(said, fmt.Sprintf("%x", "hidden")) {
		t.Error(said)
	}
	for _, bad := range []string{write(t, "empty", " \n"), write(t, "huge", strings.Repeat("x", secretBytes+1)), "/nonexistent/file"} {
		if _, err := SecretFile(bad).Read(); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// alerts are what an Alertmanager was posted.
func alertmanager(t *testing.T, resend time.Duration) (*Alertmanager, *[][]postable) {
	var posts [][]postable
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p []postable
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil || r.URL.Path != "/am/api/v2/alerts" {
			t.Errorf("%s: %v", r.URL, err)
		}
		posts = append(posts, p)
	}))
	t.Cleanup(srv.Close)
	a, err := NewAlertmanager(HTTP{URL: SecretText(srv.URL + "/am")}, resend)
	if err != nil {
		t.Fatal(err)
	}
	return a, &posts
}

func TestAlertmanagerIsRemindedUntilResolved(t *testing.T) {
	a, posts := alertmanager(t, time.Minute)
	if !a.RefreshAt().IsZero() {
		t.Error("wants to remind of nothing")
	}
	deliver(t, a, firing())
	p := (*posts)[0][0]
	if until := time.Until(p.EndsAt); until < 3*time.Minute || until > 4*time.Minute {
		t.Errorf("ends in %v", until)
	}
	for name, want := range map[string]string{
		"alertname": "UnexpectedPortOpened", "severity": "high", "rule": "allow", "fingerprint": "0011", "instance": "web1",
	} {
		if p.Labels[name] != want {
			t.Errorf("label %s is %q, want %q", name, p.Labels[name], want)
		}
	}
	if p.Annotations["summary"] != "Unexpected Port Opened: 21" || p.Annotations["port"] != "21" || p.Annotations["address"] != ":::21" {
		t.Errorf("annotations %v", p.Annotations)
	}
	if due := time.Until(a.RefreshAt()); due < 50*time.Second || due > time.Minute {
		t.Errorf("reminds in %v", due)
	}
	if err := a.Refresh(soon(t)); err != nil {
		t.Fatal(err)
	}
	deliver(t, a, resolvedMessage())
	if got := *posts; len(got) != 3 || fmt.Sprint(got[1][0].Labels) != fmt.Sprint(p.Labels) ||
		fmt.Sprint(got[2][0].Labels) != fmt.Sprint(p.Labels) || !got[2][0].EndsAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("posted %+v", got)
	}
	if !a.RefreshAt().IsZero() {
		t.Error("wants to remind of what is resolved")
	}
}

func TestAlertmanagerHearsOfARisenSeverity(t *testing.T) {
	a, posts := alertmanager(t, time.Minute)
	deliver(t, a, firing())
	worse := firing()
	worse.Alert.Severity = event.Critical
	deliver(t, a, worse)
	second := (*posts)[1]
	if len(second) != 2 || second[0].Labels["severity"] != "critical" || second[1].Labels["severity"] != "high" || time.Until(second[1].EndsAt) > 0 {
		t.Errorf("posted %+v, want the new one and the end of the old one", second)
	}
}

func TestAlertmanagerIsRemindedAfterARestart(t *testing.T) {
	a, posts := alertmanager(t, time.Minute)
	var active []*format.Message
	for i := range 100 {
		m := firing()
		m.Alert.Fingerprint = fmt.Sprint(i)
		active = append(active, m)
	}
	a.Resume(active)
	if time.Until(a.RefreshAt()) > 0 {
		t.Errorf("reminds at %v", a.RefreshAt())
	}
	if err := a.Refresh(soon(t)); err != nil {
		t.Fatal(err)
	}
	if len(*posts) != 2 || len((*posts)[0])+len((*posts)[1]) != 100 {
		t.Errorf("%d posts", len(*posts))
	}
}

func TestURLReachesAService(t *testing.T) {
	var got map[string]string
	status := 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&got)
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(status)
	}))
	defer srv.Close()
	address := "generic+" + srv.URL + "/hooksecret?template=json"
	u, err := NewURL(SecretText(address), HTTP{})
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, u, firing())
	if got["title"] != "Unexpected Port Opened: 21" || !strings.Contains(got["message"], "executable: /usr/sbin/vs") {
		t.Errorf("got %v", got)
	}
	status = 404
	if _, err := u.Send(soon(t), []*format.Message{firing()}); !Permanent(err) || strings.Contains(err.Error(), "hooksecret") {
		t.Errorf("404: %v, permanent %v", err, Permanent(err))
	}
	status = 429
	if _, err := u.Send(soon(t), []*format.Message{firing()}); Permanent(err) || After(err) != 9*time.Second {
		t.Errorf("429: %v, after %v", err, After(err))
	}
	srv.Close()
	if _, err := u.Send(soon(t), []*format.Message{firing()}); err == nil || Permanent(err) || strings.Contains(err.Error(), "hooksecret") {
		t.Errorf("gone: %v", err)
	}
	if _, err := NewURL(SecretText("nosuchservice://tokensecret@x"), HTTP{}); err == nil || strings.Contains(err.Error(), "tokensecret") {
		t.Errorf("unknown service: %v", err)
	}
}

// TestTitleGoesWhereItIsTaken has a service without a title still say it.
func TestTitleGoesWhereItIsTaken(t *testing.T) {
	for address, want := range map[string]bool{
		"ntfy://ntfy.example/topic": true, "discord://token@1234": true, "smtp://mail.example:25/?from=a@b.c&to=d@e.f": true,
		"mqtt://broker.example/topic": false, "pagerduty://events.pagerduty.com/eb243592faa24ba2a5511afdf565c889": false,
	} {
		u, err := NewURL(SecretText(address), HTTP{})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if u.titled != want {
			t.Errorf("%s takes a title: %v, want %v", address, u.titled, want)
		}
	}
}
