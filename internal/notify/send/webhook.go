package send

import (
	"context"

	"portwatch/internal/notify/format"
)

// Webhook posts each message as JSON.
type Webhook struct {
	client *client
	encode format.Format
}

// NewWebhook returns a way to the receiver at h.
func NewWebhook(h HTTP, encode format.Format) (*Webhook, error) {
	c, err := newClient(h)
	if err != nil {
		return nil, err
	}
	return &Webhook{client: c, encode: encode}, nil
}

// Send delivers; see Sender.
func (w *Webhook) Send(ctx context.Context, messages []*format.Message) (int, error) {
	return one(messages, func(m *format.Message) error {
		body, err := w.encode(m)
		if err != nil {
			return permanent(err)
		}
		return w.client.post(ctx, "", body)
	})
}

// Batch returns 1: a deadline is that of one request.
func (w *Webhook) Batch() int { return 1 }

// Close lets go of idle connections.
func (w *Webhook) Close() error { return w.client.close() }
