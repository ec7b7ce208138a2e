package send

import (
	"context"
	"io"

	"portwatch/internal/notify/format"
)

// Writer writes a line for each message to standard output or the like.
type Writer struct {
	out    io.Writer
	encode format.Format
}

// NewWriter returns a way to out, which stays the caller's to close.
func NewWriter(out io.Writer, encode format.Format) *Writer { return &Writer{out: out, encode: encode} }

// Send delivers; see Sender.
func (w *Writer) Send(_ context.Context, messages []*format.Message) (int, error) {
	return one(messages, func(m *format.Message) error {
		line, err := w.encode(m)
		if err != nil {
			return permanent(err)
		}
		_, err = w.out.Write(append(line, '\n'))
		return err
	})
}

// Batch returns how many lines are worth one call.
func (w *Writer) Batch() int { return 64 }

// Close does nothing.
func (w *Writer) Close() error { return nil }
