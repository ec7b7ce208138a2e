package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"portwatch/internal/event"
)

// TLS is how a receiver proves who it is, and we to it.
type TLS struct {
	CAFile     string // PEM; "" is the system's
	CertFile   string // PEM, ours; read anew for each connection
	KeyFile    string
	ServerName string
	Insecure   bool // take any certificate
}

// config returns the configuration of crypto/tls.
func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &cert, err
		}
		if _, err := load(); err != nil {
			return nil, fmt.Errorf("cert_file: %w", err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, nil
}

// HTTP is how a receiver is spoken to over HTTP.
type HTTP struct {
	URL     Secret
	TLS     TLS
	Proxy   Secret // "" is that of the environment
	Token   Secret // of "Authorization: Bearer"
	Headers map[string]Secret
}

// client speaks to one receiver over HTTP.
type client struct {
	HTTP
	http *http.Client
}

func newClient(h HTTP) (*client, error) {
	if _, _, err := address(h.URL); err != nil {
		return nil, err
	}
	tlsConfig, err := h.TLS.config()
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = tlsConfig
	t.MaxIdleConnsPerHost, t.IdleConnTimeout = 2, 5*time.Minute
	t.MaxResponseHeaderBytes = 64 << 10
	if !h.Proxy.IsZero() {
		proxy, _, err := address(h.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	return &client{HTTP: h, http: &http.Client{
		Transport: t,
		// A redirect would turn the POST into a GET, or show our token
		// to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// address reads an address and checks that it is one, without ever saying it.
func address(s Secret) (*url.URL, string, error) {
	text, err := s.Read()
	if err != nil {
		return nil, "", err
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, "", errors.New("the url is not one that starts with http:// or https:// and a host")
	}
	return u, text, nil
}

// answerBytes is how much of an answer is read: enough to use the connection
// again, and to say what was wrong.
const answerBytes = 64 << 10

// post sends body to the URL, with suffix behind its path.
func (c *client) post(ctx context.Context, suffix string, body []byte) error {
	u, text, err := address(c.URL)
	if err != nil {
		return err
	}
	if suffix != "" {
		u = u.JoinPath(suffix)
	}
	secrets := []string{text}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return redact(err, secrets...)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "portwatch")
	for name, s := range c.Headers {
		value, err := s.Read()
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		secrets = append(secrets, value)
		req.Header.Set(name, value)
	}
	if !c.Token.IsZero() {
		token, err := c.Token.Read()
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
		secrets = append(secrets, token)
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if proxy, err := c.Proxy.Read(); err == nil {
		secrets = append(secrets, proxy)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("POST %s: %w", place(u), redact(err, secrets...))
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, answerBytes))
	if err := statusError(resp, answer); err != nil {
		said := fmt.Errorf("POST %s: %w", place(u), redact(err, secrets...))
		return &Error{Err: said, Permanent: Permanent(err), After: After(err)}
	}
	return nil
}

func (c *client) close() error {
	c.http.CloseIdleConnections()
	return nil
}

// statusError tells what an answer means: nil if the message was taken.
func statusError(resp *http.Response, answer []byte) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err := errors.New(resp.Status)
	if said := strings.Join(strings.Fields(string(answer)), " "); said != "" {
		err = fmt.Errorf("%s: %s", resp.Status, event.Printable(said, 200))
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return &Error{Err: err, After: retryAfter(resp.Header.Get("Retry-After"))}
	}
	if resp.StatusCode/100 == 5 {
		return &Error{Err: err, After: retryAfter(resp.Header.Get("Retry-After"))}
	}
	if resp.StatusCode/100 == 3 {
		err = fmt.Errorf("%w; it redirects elsewhere: configure the final url", err)
	}
	return permanent(err)
}

// lastAfter bounds how long a receiver may ask us to wait.
const lastAfter = time.Hour

// retryAfter reads seconds or a date; 0 if there is neither.
func retryAfter(s string) time.Duration {
	if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32); err == nil {
		return min(max(time.Duration(n)*time.Second, 0), lastAfter)
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(time.Until(at), 0), lastAfter)
	}
	return 0
}
