package send

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/nicholas-fedor/shoutrrr"
	shoutrrrformat "github.com/nicholas-fedor/shoutrrr/pkg/format"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"portwatch/internal/notify/format"
)

// URL sends messages to any of the services that shoutrrr knows, named by a
// URL: ntfy://, smtp://, discord://, pagerduty:// and many more.
type URL struct {
	address Secret
	client  *http.Client
	answer  atomic.Pointer[http.Response] // the last one; its body is read

	made   string // the address that sender was made from
	sender *router.ServiceRouter
	titled bool // the service shows a title of its own
}

// NewURL returns a way to the service at address. Services that speak HTTP do
// so over h's TLS and proxy; its URL is not used.
func NewURL(address Secret, h HTTP) (*URL, error) {
	h.URL = SecretText("http://unused")
	c, err := newClient(h)
	if err != nil {
		return nil, err
	}
	u := &URL{address: address}
	u.client = &http.Client{Transport: watch{c.http.Transport, &u.answer}, CheckRedirect: c.http.CheckRedirect}
	if err := u.prepare(time.Minute); err != nil {
		return nil, err
	}
	return u, nil
}

// prepare makes the sender anew if the address is another one.
func (u *URL) prepare(timeout time.Duration) error {
	address, err := u.address.Read()
	if err != nil {
		return err
	}
	if u.sender == nil || address != u.made {
		opts := types.SenderOptions{HTTPClient: u.client}
		sender, err := shoutrrr.CreateSenderWithOptions(opts, address)
		if err != nil {
			return permanent(redact(err, address))
		}
		sender.SetLogger(log.New(io.Discard, "", 0)) // it would log the address
		service, err := sender.Locate(address)
		if err != nil {
			return permanent(redact(err, address))
		}
		fields := shoutrrrformat.NewPropKeyResolver(shoutrrrformat.GetServiceConfig(service))
		_, err = fields.Get(types.TitleKey)
		u.sender, u.made, u.titled = sender, address, err == nil
	}
	u.sender.Timeout = timeout
	return nil
}

// Send delivers; see Sender.
func (u *URL) Send(ctx context.Context, messages []*format.Message) (int, error) {
	return one(messages, func(m *format.Message) error { return u.send(ctx, m) })
}

func (u *URL) send(ctx context.Context, m *format.Message) error {
	timeout := time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	if err := u.prepare(timeout); err != nil {
		return err
	}
	u.answer.Store(nil)
	text, params := format.Text(m), types.Params{types.TitleKey: format.Title(m)}
	if !u.titled { // it would refuse the parameter
		text, params = format.Title(m)+"\n"+text, nil
	}
	result := u.sender.SendAsync(text, &params)
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	said := redact(fmt.Errorf("%w", err), u.made)
	if answer := u.answer.Load(); answer != nil {
		if status := statusError(answer, nil); status != nil {
			return &Error{Err: said, Permanent: Permanent(status), After: After(status)}
		}
	}
	return said
}

// Batch returns 1: a deadline is that of one message.
func (u *URL) Batch() int { return 1 }

// Close lets go of idle connections.
func (u *URL) Close() error {
	u.client.CloseIdleConnections()
	return nil
}

// watch remembers the last answer: the services say little of what went
// wrong.
type watch struct {
	http.RoundTripper
	last *atomic.Pointer[http.Response]
}

func (w watch) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	w.last.Store(&http.Response{Status: resp.Status, StatusCode: resp.StatusCode, Header: resp.Header})
	return resp, nil
}

// CloseIdleConnections is what http.Client asks its transport for.
func (w watch) CloseIdleConnections() {
	if c, ok := w.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
