package receivers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), d, errTimeout)
}

// certificate makes a private authority's certificate for 127.0.0.1, and
// returns the files that hold it and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "portwatch test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert = write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert, key
}

// hook is a server that keeps what it takes.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	titles []string
	times  []time.Time
	answer func(n int, w http.ResponseWriter, r *http.Request) bool // whether it takes the nth
	asked  int
}

func newHook(t *testing.T, serve func(*httptest.Server), answer func(int, http.ResponseWriter, *http.Request) bool) *hook {
	h := &hook{answer: answer}
	h.Server = httptest.NewUnstartedServer(h)
	serve(h.Server)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked++
	n := h.asked
	h.times = append(h.times, time.Now())
	h.mu.Unlock()
	if h.answer != nil && !h.answer(n, w, r) {
		return
	}
	var a struct{ Status, Title string }
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.titles = append(h.titles, a.Status+" "+strings.TrimPrefix(a.Title, "Unexpected Port Opened: "))
}

func (h *hook) got() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.titles, ", ")
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := certificate(t, dir)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	ours := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	ours.AddCert(leaf)
	mutual := func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: ours, ClientAuth: tls.RequireAndVerifyClientCert}
		s.StartTLS()
	}
	private := newHook(t, mutual, nil)
	release := make(chan struct{})
	hanging := newHook(t, (*httptest.Server).Start, func(int, http.ResponseWriter, *http.Request) bool { <-release; return false })
	t.Cleanup(func() { close(release) })
	busy := newHook(t, (*httptest.Server).Start, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n > 1 {
			return true
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return false
	})
	d := tellTo(t, nil, fmt.Sprintf(`[
{name: private, type: webhook, url: '%s', tls: {ca_file: %s, cert_file: %[2]s, key_file: %s}},
{name: hanging, type: webhook, url: '%s', timeout: 300ms, retry: {first: 50ms, last: 200ms}},
{name: busy, type: webhook, url: '%s', retry: {first: 10ms, last: 20ms}}]`, private.URL, certFile, keyFile, hanging.URL, busy.URL))
	start := time.Now()
	d.Alert(firing(21))
	d.Alert(resolved(21))
	until(t, "the private one has both", func() bool { return private.got() == "firing 21, resolved 21" })
	if took := time.Since(start); took > time.Second {
		t.Errorf("the one that hangs delayed the other: %v", took)
	}
	until(t, "the busy one has both", func() bool { return busy.got() == "firing 21, resolved 21" })
	if pause := busy.times[1].Sub(busy.times[0]); pause < time.Second || pause > 3*time.Second {
		t.Errorf("asked again after %v, want the second of Retry-After", pause)
	}
	until(t, "the hanging one was asked again", func() bool {
		hanging.mu.Lock()
		defer hanging.mu.Unlock()
		return hanging.asked > 1
	})
	if st := queued(d, "hanging"); st.Queued != 2 || st.Delivered != 0 {
		t.Errorf("hanging: %+v", st)
	}
	ctx, cancel := contextFor(3 * time.Second)
	defer cancel()
	start = time.Now()
	if err := d.Close(ctx); err == nil || !strings.Contains(err.Error(), "2 notifications for hanging were not delivered") {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("stopping took %v", took)
	}
}
