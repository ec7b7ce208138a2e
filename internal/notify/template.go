package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

// templates are the title and the text that the configuration asks for; nil
// is what is usual.
type templates struct {
	title, text *template.Template
}

// templateBytes bounds what a template makes.
const templateBytes = 32 << 10

// newTemplate reads a template and tries it on an alert, and on one that is
// about no single event.
func newTemplate(name, text string) (*template.Template, error) {
	t, err := template.New(name).Funcs(template.FuncMap{
		"upper": strings.ToUpper, "lower": strings.ToLower,
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
	}).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	a := sample()
	if _, err := execute(t, &a); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	a.Event = nil
	if _, err := execute(t, &a); err != nil {
		return nil, fmt.Errorf("%s; the digest of the first start has no event: write {{with .Event}}...{{end}}", strings.TrimPrefix(err.Error(), "template: "))
	}
	return t, nil
}

func execute(t *template.Template, a *alert.Alert) (string, error) {
	w := &limitedText{left: templateBytes}
	err := t.Execute(w, a)
	return w.b.String(), err
}

// limitedText takes so much text and no more.
type limitedText struct {
	b    strings.Builder
	left int
}

func (w *limitedText) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, fmt.Errorf("makes more than %d bytes", templateBytes)
	}
	return w.b.Write(b)
}

// fill sets title and text of an alert's message. A template that fails is
// no reason not to be told: what is usual takes its place.
func (t templates) fill(m *format.Message) {
	if m.Alert == nil {
		return
	}
	if t.title != nil {
		if s, err := execute(t.title, m.Alert); err == nil {
			m.Title = event.Printable(strings.Join(strings.Fields(s), " "), lineBytes)
		}
	}
	if t.text != nil {
		if s, err := execute(t.text, m.Alert); err == nil {
			m.Text = strings.ToValidUTF8(s, "\uFFFD")
		}
	}
}
