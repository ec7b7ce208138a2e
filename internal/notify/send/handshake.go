package send

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"portwatch/internal/event"
)

// handshake proves to the server that we know the shared key, and has it
// prove the same.
func (f *Forward) handshake() error {
	key, err := f.opts.SharedKey.Read()
	if err != nil {
		return fmt.Errorf("shared_key: %w", err)
	}
	password, err := f.opts.Password.Read()
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	helo, err := f.in.ReadIntf()
	if err != nil {
		return fmt.Errorf("wait for the server's greeting (does it know the shared key?): %w", err)
	}
	name, rest := message(helo, 2)
	options, ok := rest0(rest).(map[string]any)
	if name != "HELO" || !ok {
		return errors.New("the server's greeting is not one of the Forward protocol")
	}
	nonce, authSalt := bytesOf(options["nonce"]), bytesOf(options["auth"])

	salt := make([]byte, 16)
	rand.Read(salt)
	ping := msgp.AppendArrayHeader(nil, 6)
	ping = msgp.AppendString(ping, "PING")
	ping = msgp.AppendString(ping, f.host)
	ping = msgp.AppendBytes(ping, salt)
	ping = msgp.AppendString(ping, digest(salt, []byte(f.host), nonce, []byte(key)))
	if len(authSalt) > 0 {
		ping = msgp.AppendString(ping, f.opts.Username)
		ping = msgp.AppendString(ping, digest(authSalt, []byte(f.opts.Username), []byte(password)))
	} else {
		ping = msgp.AppendString(ping, "")
		ping = msgp.AppendString(ping, "")
	}
	if _, err := f.conn.Write(ping); err != nil {
		return err
	}
	pong, err := f.in.ReadIntf()
	if err != nil {
		return fmt.Errorf("wait for the server's answer to the shared key: %w", err)
	}
	name, rest = message(pong, 5)
	if name != "PONG" || len(rest) < 4 {
		return errors.New("the server's answer to the shared key is not one of the Forward protocol")
	}
	if taken, _ := rest[0].(bool); !taken {
		return fmt.Errorf("the server refuses us: %s", event.Printable(string(bytesOf(rest[1])), 200))
	}
	want := digest(salt, bytesOf(rest[2]), nonce, []byte(key))
	if subtle.ConstantTimeCompare([]byte(want), bytesOf(rest[3])) != 1 {
		return errors.New("the server does not know the shared key: it is not the one it is taken for")
	}
	return nil
}

func digest(parts ...[]byte) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// message takes an array such as ["HELO", {...}] apart; name is "" if it is
// none of at least n elements.
func message(v any, n int) (name string, rest []any) {
	a, ok := v.([]any)
	if !ok || len(a) < n {
		return "", nil
	}
	return string(bytesOf(a[0])), a[1:]
}

func rest0(rest []any) any {
	if len(rest) == 0 {
		return nil
	}
	return rest[0]
}

// bytesOf returns a text, which implementations send as a string or as bytes.
func bytesOf(v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	return nil
}
