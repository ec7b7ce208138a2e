package identity

import (
	"strings"
	"testing"
)

func TestUnitOfACgroup(t *testing.T) {
	for path, want := range map[string]string{
		"":                             "",
		"/":                            "",
		"/init.scope":                  "init.scope",
		"/system.slice":                "",
		"/system.slice/vsftpd.service": "vsftpd.service",
		"/system.slice/system-getty.slice/getty@tty1.service":                                 "getty@tty1.service",
		`/system.slice/system-foo\x2dbar.slice/foo-bar@a\x2db.service`:                        `foo-bar@a\x2db.service`,
		"/system.slice/ssh.socket":                                                            "ssh.socket",
		"/a.slice/a-b.slice/a-b-c.slice/x.service":                                            "x.service",
		"/system.slice/web.service/libpod-payload-1":                                          "web.service",
		"/system.slice/_cpu.service":                                                          "cpu.service",
		"/user.slice/user-1000.slice/session-3.scope":                                         "session-3.scope",
		"/user.slice/user-1000.slice/user@1000.service/init.scope":                            "user@1000.service",
		"/user.slice/user-1000.slice/user@1000.service":                                       "user@1000.service",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/x.service":                   "x.service",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/x@1.service":     "x@1.service",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope":                "run-r1.scope",
		"/user.slice/user-1000.slice/user@1000.service/mine":                                  "user@1000.service",
		"/system.slice/docker-" + strings.Repeat("a", 64) + ".scope/system.slice/ssh.service": "docker-" + strings.Repeat("a", 64) + ".scope",
		// What a service or an engine without systemd makes is no unit.
		"/system.slice/evil.service/ssh.service":    "evil.service",
		"/docker/" + strings.Repeat("a", 64):        "",
		"/docker/x/system.slice/ssh.service":        "",
		"/ssh":                                      "",
		"/.service":                                 "",
		"/a b.service":                              "",
		"/\x1b[2J.service":                          "",
		"/" + strings.Repeat("a", 300) + ".service": "",
		"…/system.slice/ssh.service":                "",
	} {
		if got := unitOf(path); got != want {
			t.Errorf("unit of %q is %q, want %q", path, got, want)
		}
	}
}
