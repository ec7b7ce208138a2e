package send

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// A Secret is a text that nobody may see: a token, or an address that holds
// one. It is read from its file each time it is needed, so that it can be
// changed without a restart. However it is printed, it does not show.
type Secret struct {
	file string
	text string
}

// SecretFile returns the secret that a file holds.
func SecretFile(path string) Secret { return Secret{file: path} }

// SecretText returns a secret that stands in the configuration.
func SecretText(s string) Secret { return Secret{text: s} }

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s == Secret{} }

// secretBytes bounds a secret: more is a mistake, such as the path of a log.
const secretBytes = 64 << 10

// Read returns the secret.
func (s Secret) Read() (string, error) {
	if s.file == "" {
		return s.text, nil
	}
	f, err := os.Open(s.file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, secretBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", s.file, err)
	case len(b) > secretBytes:
		return "", fmt.Errorf("%s is larger than a secret may be", s.file)
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "", fmt.Errorf("%s is empty", s.file)
	}
	return text, nil
}

// What prints a Secret, whoever asks.

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) Format(s fmt.State, _ rune)   { io.WriteString(s, redacted) }

// redact returns err without the secrets: libraries put addresses into their
// errors, and servers repeat what they were sent.
func redact(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // its text is the method, the address and this
	}
	text := err.Error()
	for _, w := range words(secrets) {
		text = strings.ReplaceAll(text, w, redacted)
	}
	return errors.New(text)
}

// wordBytes is the length from which a part of an address is taken for a
// secret; shorter ones are found everywhere.
const wordBytes = 5

// words returns the secrets and the parts of those that are addresses, except
// scheme and host, the longest first.
func words(secrets []string) []string {
	var all []string
	add := func(w string) {
		if len(w) >= wordBytes {
			all = append(all, w, url.QueryEscape(w), url.PathEscape(w))
		}
	}
	for _, s := range secrets {
		add(s)
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" {
			continue
		}
		add(u.RequestURI())
		add(u.Fragment)
		if u.User != nil {
			password, _ := u.User.Password()
			add(u.User.String())
			add(u.User.Username())
			add(password)
		}
		for _, p := range strings.Split(u.Path, "/") {
			add(p)
		}
		for _, values := range u.Query() {
			for _, v := range values {
				add(v)
			}
		}
	}
	slices.SortFunc(all, func(x, y string) int { return len(y) - len(x) })
	return slices.Compact(all)
}

// place returns what of an address may be shown: scheme and host.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host }
