package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portwatch/internal/event"
)

// id returns a container id of one digit.
func id(digit string) string { return strings.Repeat(digit, 64) }

const podOf = "6e3c4f6a-3d1b-4f0e-9a54-0d1f2a3b4c5d"

func TestContainerOfACgroup(t *testing.T) {
	slicePod := strings.ReplaceAll(podOf, "-", "_")
	for path, want := range map[string]struct {
		runtime, id, name, pod, above string
	}{
		"/system.slice/docker-" + id("a") + ".scope":            {"docker", id("a"), "", "", "/system.slice"},
		"/system.slice/docker-" + id("a") + ".scope/init.scope": {"docker", id("a"), "", "", "/system.slice"},
		"/docker/" + id("a"):                                    {"docker", id("a"), "", "", "/docker"},
		"/docker/" + id("a") + "/docker/" + id("b"):             {"docker", id("a"), "", "", "/docker"},
		"/docker/buildkit/x":                                    {},
		"/machine.slice/libpod-" + id("1") + ".scope/container": {"podman", id("1"), "", "", "/machine.slice"},
		"/machine.slice/libpod-conmon-" + id("1") + ".scope":    {},
		"/libpod_parent/libpod-" + id("1"):                      {"podman", id("1"), "", "", "/libpod_parent"},
		"/system.slice/db.service/libpod-payload-" + id("1"):    {"podman", id("1"), "", "", "/system.slice/db.service"},
		"/system.slice/nerdctl-" + id("3") + ".scope":           {"containerd", id("3"), "", "", "/system.slice"},
		"/" + id("3"):                 {"", id("3"), "", "", "/"},
		"/default/" + id("3"):         {"", id("3"), "", "", "/default"},
		"/lxc.payload.web/init.scope": {"lxc", "", "web", "", "/"},
		"/lxc/web":                    {"lxc", "", "web", "", "/lxc"},
		"/lxc.monitor.web":            {},
		`/machine.slice/machine-my\x2dbox.scope/payload`:          {"systemd-nspawn", "", "my-box", "", "/machine.slice"},
		`/machine.slice/systemd-nspawn@my\x2dbox.service/payload`: {"systemd-nspawn", "", "my-box", "", "/machine.slice"},
		`/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt`:    {},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slicePod + ".slice/cri-containerd-" + id("c") + ".scope": {
			"containerd", id("c"), "", podOf, "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slicePod + ".slice"},
		"/kubepods.slice/kubepods-pod" + slicePod + ".slice/crio-" + id("f") + ".scope/container": {
			"cri-o", id("f"), "", podOf, "/kubepods.slice/kubepods-pod" + slicePod + ".slice"},
		"/kubepods/burstable/pod" + podOf + "/" + id("b"): {"", id("b"), "", podOf, "/kubepods/burstable/pod" + podOf},
		"/kubepods/pod" + id("0")[:32] + "/" + id("b"):    {"", id("b"), "", id("0")[:32], "/kubepods/pod" + id("0")[:32]},
		"/system.slice/containerd.service/kubepods-besteffort-pod" + slicePod + ".slice:cri-containerd:" + id("c"): {
			"containerd", id("c"), "", podOf, "/system.slice/containerd.service"},
		"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + slicePod + ".slice/cri-containerd-" + id("c") + ".scope": {
			"containerd", id("c"), "", podOf, "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + slicePod + ".slice"},
		"": {}, "/": {}, "/init.scope": {}, "/system.slice/ssh.service": {},
		"/docker-" + id("g") + ".scope":     {}, // not of an id's digits
		"/docker-" + id("a")[1:] + ".scope": {},
		"/system.slice/docker-.scope":       {},
		"/pod" + podOf:                      {}, // not the kubelet's
		"/kubepods/podx":                    {},
	} {
		c, above := containerOf(path)
		if c.runtime != want.runtime || c.id != want.id || c.name != want.name || c.podUID != want.pod && above != "" || above != want.above {
			t.Errorf("%q is %+v below %q, want %+v", path, c, above, want)
		}
	}
}

// machine is a resolver of the engines' files in testdata, on a machine with
// the unified hierarchy only.
func machine(t *testing.T) *Resolver {
	return New(Options{Root: "testdata/host", Proc: tree(t, map[string]string{"self/cgroup": "0::/\n"})})
}

func TestEnginesFilesNameTheContainer(t *testing.T) {
	r := machine(t)
	pod := "kubepods-burstable-pod0a1b2c3d_4e5f_4a6b_8c7d_9e0f1a2b3c4d.slice"
	kubelet := "/kubepods.slice/kubepods-burstable.slice/" + pod
	for i, c := range []struct {
		path string
		want event.Process
	}{
		{"/system.slice/docker-" + id("a") + ".scope", event.Process{
			ContainerRuntime: "docker", ContainerName: "shop-web-1", ContainerImage: "nginx:1.27",
		}},
		{"/docker/" + id("a"), event.Process{
			ContainerRuntime: "docker", ContainerName: "shop-web-1", ContainerImage: "nginx:1.27",
		}},
		{"/kubepods/besteffort/pod" + podOf + "/" + id("b"), event.Process{
			ContainerRuntime: "docker", ContainerName: "server", ContainerImage: "sha256:0badc0de",
			PodUID: podOf, PodName: "web-0", PodNamespace: "shop",
		}},
		{kubelet + "/cri-containerd-" + id("c") + ".scope", event.Process{
			ContainerRuntime: "containerd", ContainerName: "coredns", ContainerImage: "registry.k8s.io/coredns/coredns:v1.11.3",
			PodUID: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", PodName: "coredns-7c65d6cfc9-x2x4k", PodNamespace: "kube-system",
		}},
		{kubelet + "/cri-containerd-" + id("e") + ".scope", event.Process{ // its pause
			ContainerRuntime: "containerd",
			PodUID:           "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", PodName: "coredns-7c65d6cfc9-x2x4k", PodNamespace: "kube-system",
		}},
		{"/default/" + id("3"), event.Process{ContainerRuntime: "containerd", ContainerName: "cache"}},
		{"/machine.slice/libpod-" + id("1") + ".scope/container", event.Process{
			ContainerRuntime: "podman", ContainerName: "db", ContainerImage: "docker.io/library/postgres:17",
		}},
		{"/machine.slice/libpod-" + id("2") + ".scope", event.Process{
			ContainerRuntime: "podman", ContainerName: "once", ContainerImage: "quay.io/app/once:1",
		}},
		{"/kubepods.slice/kubepods-pod11111111_2222_4333_8444_555555555555.slice/crio-" + id("f") + ".scope", event.Process{
			ContainerRuntime: "cri-o", ContainerName: "manager", ContainerImage: "quay.io/op/manager:v3",
			PodUID: "11111111-2222-4333-8444-555555555555", PodName: "op-0", PodNamespace: "ops",
		}},
		{"/docker/" + id("7"), event.Process{ContainerRuntime: "docker"}}, // no file of it
		{"/" + id("7"), event.Process{}},
	} {
		got := enrich(r, &event.Process{PID: uint32(i + 10), Cgroup: c.path, CgroupID: uint64(i + 1)})
		if got.ContainerID == "" || !strings.Contains(c.path, got.ContainerID) || got.ContainerRootless {
			t.Errorf("%s: id %q, rootless %v", c.path, got.ContainerID, got.ContainerRootless)
		}
		for _, f := range []struct{ what, got, want string }{
			{"runtime", got.ContainerRuntime, c.want.ContainerRuntime}, {"name", got.ContainerName, c.want.ContainerName},
			{"image", got.ContainerImage, c.want.ContainerImage}, {"pod uid", got.PodUID, c.want.PodUID},
			{"pod name", got.PodName, c.want.PodName}, {"pod namespace", got.PodNamespace, c.want.PodNamespace},
		} {
			if f.got != f.want {
				t.Errorf("%s: %s %q, want %q", c.path, f.what, f.got, f.want)
			}
		}
	}
}

func TestDockersFolderMayHaveMoved(t *testing.T) {
	root := tree(t, map[string]string{
		"etc/docker/daemon.json":                               `{"data-root": "/srv/docker"}`,
		"srv/docker/containers/" + id("a") + "/config.v2.json": `{"Name":"/moved","Config":{"Image":"x"}}`,
	})
	r := New(Options{Root: root, Proc: tree(t, nil)})
	if got := enrich(r, &event.Process{PID: 9, Cgroup: "/docker/" + id("a")}).ContainerName; got != "moved" {
		t.Errorf("name %q, want moved", got)
	}
}

func TestAContainerIsNamedOnceItsFileIsThere(t *testing.T) {
	root := t.TempDir()
	r := New(Options{Root: root, Proc: tree(t, nil)})
	p := &event.Process{PID: 9, Cgroup: "/docker/" + id("a")}
	first := enrich(r, p)
	if first.ContainerName != "" {
		t.Fatalf("name %q of no file", first.ContainerName)
	}
	dir := filepath.Join(root, "var/lib/docker/containers", id("a"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/config.v2.json", []byte(`{"Name":"/late"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := enrich(r, p); again != first {
		t.Error("its file was looked for again at once")
	}
	// As if groupRetry had passed.
	r.processes.newer[processKey{9, 0}].retry = time.Now().Add(-time.Second)
	r.groups.newer[p.Cgroup].at = time.Now().Add(-groupRetry)
	if got := enrich(r, p); got.ContainerName != "late" || first.ContainerName != "" {
		t.Errorf("name %q, and of the event before %q, want late and none", got.ContainerName, first.ContainerName)
	}
}

// A user may make cgroups below his own manager and call them what he likes.
func TestAUsersCgroupIsNoContainerOfRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make another's folder")
	}
	users := "user.slice/user-1000.slice/user@1000.service"
	files := map[string]string{
		"sys/fs/cgroup/cgroup.procs":                               "",
		"sys/fs/cgroup/system.slice/":                              "",
		"sys/fs/cgroup/system.slice/own.service/":                  "",
		"sys/fs/cgroup/" + users + "/app.slice/":                   "",
		"var/lib/docker/containers/" + id("a") + "/config.v2.json": `{"Name":"/nginx","Config":{"Image":"nginx"}}`,
	}
	root := tree(t, files)
	for _, dir := range []string{users + "/app.slice", users, "system.slice/own.service"} {
		if err := os.Chown(filepath.Join(root, "sys/fs/cgroup", dir), 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
	r := New(Options{Root: root, Proc: tree(t, nil)})
	for i, c := range []struct {
		path     string
		rootless bool
	}{
		{"/system.slice/docker-" + id("a") + ".scope", false},
		{"/" + users + "/app.slice/docker-" + id("a") + ".scope", true},
		{"/system.slice/own.service/docker-" + id("a") + ".scope", true},
		{"/system.slice/not-there.service/docker-" + id("a") + ".scope", true},
	} {
		got := enrich(r, &event.Process{PID: uint32(i + 10), Cgroup: c.path})
		if got.ContainerRootless != c.rootless || (got.ContainerName == "nginx") == c.rootless {
			t.Errorf("%s: rootless %v, name %q, want rootless %v", c.path, got.ContainerRootless, got.ContainerName, c.rootless)
		}
	}
}

func TestCgroupsOfEveryLayout(t *testing.T) {
	for what, c := range map[string]struct{ file, want string }{
		"unified":              {"0::/system.slice/a.service\n", "/system.slice/a.service"},
		"hybrid of systemd":    {"1:name=systemd:/system.slice/a.service\n0::/system.slice/a.service\n", "/system.slice/a.service"},
		"legacy":               {"5:memory:/system.slice/a.service\n1:name=systemd:/system.slice/a.service\n", "/system.slice/a.service"},
		"unified one unused":   {"3:cpu:/x\n1:name=systemd:/user.slice\n0::/\n", "/user.slice"},
		"no systemd":           {"3:cpu:/\n2:memory:/job/1\n0::/\n", "/job/1"},
		"docker in v1":         {"4:memory:/docker/" + id("a") + "\n1:name=systemd:/docker/" + id("a") + "\n0::/system.slice/docker.service\n", "/docker/" + id("a")},
		"none":                 {"0::/\n", "/"},
		"out of our namespace": {"0::/../../x.service\n", ""},
		"colons in a name":     {"0::/a.slice:b:c/d\n", "/a.slice:b:c/d"},
		"nothing":              {"", ""},
		"garbage":              {"::::\n\n0\n", ""},
	} {
		if got := parseCgroups([]byte(c.file)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

func TestOnLegacyHostsTheRootIsNotKnownToBeNone(t *testing.T) {
	r := New(Options{Proc: tree(t, map[string]string{"self/cgroup": "1:name=systemd:/\n0::/\n"})})
	if got := enrich(r, &event.Process{PID: 9, Cgroup: "/"}).Cgroup; got != "" {
		t.Errorf("cgroup %q of a process that is gone, want it unknown", got)
	}
	r = New(Options{Proc: tree(t, map[string]string{"self/cgroup": "0::/\n"})})
	if got := enrich(r, &event.Process{PID: 9, Cgroup: "/"}).Cgroup; got != "/" {
		t.Errorf("cgroup %q, want /", got)
	}
}

func TestACutCgroupIsFoundByItsNumber(t *testing.T) {
	r := New(Options{Proc: tree(t, map[string]string{"self/cgroup": "0::/\n"})})
	enrich(r, &event.Process{PID: 9, Cgroup: "/system.slice/a.service", CgroupID: 5})
	if got := enrich(r, &event.Process{PID: 10, Cgroup: "…/a.service", CgroupID: 5}).Unit; got != "a.service" {
		t.Errorf("unit %q, want a.service", got)
	}
	if got := enrich(r, &event.Process{PID: 11, Cgroup: "…/a.service", CgroupID: 6}); got.Unit != "" || got.Cgroup != "" {
		t.Errorf("unit %q, cgroup %q, want them unknown", got.Unit, got.Cgroup)
	}
}

func FuzzCgroup(f *testing.F) {
	f.Add([]byte("0::/system.slice/docker-" + id("a") + ".scope\n"))
	f.Add([]byte("1:name=systemd:/kubepods/pod" + podOf + "/" + id("b") + "\n0::/\n"))
	f.Add([]byte("0::/user.slice/user-1000.slice/user@1000.service/app.slice/a\\x2db.service\n"))
	f.Add([]byte("0::/system.slice/x.slice:cri-containerd:" + id("c")))
	f.Add([]byte("0:://\x00//_.slice/…/\xff\\x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := parseCgroups(b)
		if len(path) > cgroupBytes {
			t.Fatalf("%d bytes of path", len(path))
		}
		if path != "" && path[0] != '/' {
			t.Fatalf("path %q", path)
		}
		for _, path := range []string{path, string(b)} {
			if unit := unitOf(path); unit != "" && (!isUnit(unit) || !strings.Contains(path, unit)) {
				t.Fatalf("%q is no unit of %q", unit, path)
			}
			c, above := containerOf(path)
			if c.id != "" && !isID(c.id) || !strings.HasPrefix(path, above) && above != "/" {
				t.Fatalf("%q: container %+v below %q", path, c, above)
			}
			if c.podUID != "" && strings.Trim(c.podUID, "0123456789abcdefABCDEF-") != "" {
				t.Fatalf("pod uid %q", c.podUID)
			}
		}
	})
}
