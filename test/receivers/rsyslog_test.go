package receivers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// received is what rsyslog parsed of a message.
type received struct {
	Time, Host, App, Procid, Msgid, Severity, Facility, Msg string
	Rule, Port, Status, Exe                                 string
}

// rsyslog runs Debian's; what it parses goes to a file as JSON.
func rsyslog(t *testing.T, dir string, ports map[string]int, cert, key string) (out string, p *process) {
	t.Helper()
	out = filepath.Join(dir, "received.jsonl")
	config := write(t, filepath.Join(dir, "rsyslog.conf"), fmt.Sprintf(`
global(workDirectory=%[1]q defaultNetstreamDriverCAFile=%[2]q defaultNetstreamDriverCertFile=%[2]q defaultNetstreamDriverKeyFile=%[3]q)
module(load="imudp")
module(load="imptcp")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
module(load="imuxsock" sysSock.use="off")
module(load="mmpstrucdata")
template(name="json" type="list" option.jsonf="on") {
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="rule" name="$!rfc5424-sd!portwatch@32473!rule" format="jsonf")
  property(outname="port" name="$!rfc5424-sd!portwatch@32473!port" format="jsonf")
  property(outname="status" name="$!rfc5424-sd!portwatch@32473!status" format="jsonf")
  property(outname="exe" name="$!rfc5424-sd!portwatch@32473!exe" format="jsonf")
}
ruleset(name="keep") {
  action(type="mmpstrucdata")
  action(type="omfile" file=%[4]q template="json" asyncWriting="off")
}
input(type="imudp" address="127.0.0.1" port="%[5]d" ruleset="keep")
input(type="imptcp" address="127.0.0.1" port="%[6]d" ruleset="keep")
input(type="imtcp" address="127.0.0.1" port="%[7]d" ruleset="keep")
input(type="imuxsock" socket=%[8]q useSpecialParser="off" parseHostname="on" ignoreTimestamp="off" ruleset="keep" createPath="on")
`, dir, cert, key, out, ports["udp"], ports["tcp"], ports["tls"], filepath.Join(dir, "log")))
	os.Remove(filepath.Join(dir, "log"))
	p = start(t, cache+"/root/usr/sbin/rsyslogd", "-n", "-f", config, "-i", filepath.Join(dir, "pid"),
		"-M", filepath.Join(libraries(t), "rsyslog"))
	until(t, "rsyslog is ready", func() bool {
		_, err := os.Stat(filepath.Join(dir, "log"))
		return err == nil
	})
	return out, p
}

// parsed returns what rsyslog has written so far.
func parsed(t *testing.T, out string) []received {
	t.Helper()
	b, err := os.ReadFile(out)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []received
	for line := range bytes.Lines(b) {
		var r received
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

func TestRsyslog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	ports := map[string]int{"udp": freePort(t), "tcp": freePort(t), "tls": freePort(t)}
	out, server := rsyslog(t, dir, ports, cert, key)
	n := 0
	for i, transport := range []string{"udp", "tcp", "tls", "unix"} {
		address := fmt.Sprintf("127.0.0.1:%d", ports[transport])
		if transport == "unix" {
			address = filepath.Join(dir, "log")
		}
		d := tellTo(t, nil, fmt.Sprintf("[{name: logs, type: syslog, transport: %s, address: '%s', facility: local3, tls: {ca_file: %s}, retry: {first: 50ms, last: 200ms}}]",
			transport, address, cert))
		a := firing(2100 + i)
		d.Alert(a)
		n++
		until(t, transport+" arrives", func() bool { return len(parsed(t, out)) == n })
		got := parsed(t, out)[n-1]
		want := received{
			Time: a.Time.Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000-07:00"), Host: got.Host, App: "portwatch", Procid: fmt.Sprint(os.Getpid()), Msgid: "alert",
			Severity: "err", Facility: "local3", Msg: fmt.Sprintf("%s: no clause allows tcp/%d (tcp *:%[2]d by vsftpd[812])", a.Title, 2100+i),
			Rule: "allow", Port: fmt.Sprint(2100 + i), Status: "firing", Exe: "/usr/sbin/vsftpd",
		}
		if at, err := time.Parse(time.RFC3339Nano, got.Time); err != nil || !at.Equal(a.Time.Truncate(time.Microsecond)) {
			t.Errorf("%s: time %s, want %s", transport, got.Time, want.Time)
		}
		got.Time = want.Time
		if got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", transport, got, want)
		}
	}

	// What happens while it is away arrives when it is back.
	d := tellTo(t, nil, fmt.Sprintf("[{name: logs, type: syslog, transport: tcp, address: '127.0.0.1:%d', retry: {first: 50ms, last: 200ms}}]", ports["tcp"]))
	d.Alert(firing(30))
	n++
	until(t, "the first arrives", func() bool { return len(parsed(t, out)) == n })
	server.stop()
	d.Alert(firing(31))
	d.Alert(resolved(31))
	until(t, "a try fails", func() bool { return queued(d, "logs").Queued == 2 })
	rsyslog(t, dir, ports, cert, key)
	until(t, "the rest arrives", func() bool { return len(parsed(t, out)) == n+2 })
	all := parsed(t, out)
	if a, b := all[n], all[n+1]; a.Status != "firing" || b.Status != "resolved" || a.Port != "31" || b.Severity != "notice" {
		t.Errorf("got %+v and %+v", a, b)
	}
}
