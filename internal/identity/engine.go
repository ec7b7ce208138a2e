package identity

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of what is read of an engine's files and kept of their texts.
const (
	engineFileBytes = 8 << 20
	engineTextBytes = 512
	maxNamespaces   = 32 // of containerd
)

// engines knows where container engines keep their files. None is asked
// anything: a name that its files do not tell stays unknown.
type engines struct {
	etc, run, varLib string
	host             host
}

// describe adds to c what the files of its engine say.
func (e *engines) describe(c *container) {
	switch c.runtime {
	case "docker":
		e.docker(c)
	case "podman":
		e.podman(c)
	case "containerd":
		e.containerd(c)
	case "cri-o":
		e.crio(c)
	case "":
		for _, try := range [...]struct {
			runtime string
			f       func(*container)
		}{{"containerd", e.containerd}, {"docker", e.docker}, {"cri-o", e.crio}, {"podman", e.podman}} {
			if try.f(c); c.found {
				c.runtime = try.runtime
				break
			}
		}
	default:
		c.found = true // the cgroup told all there is
	}
	for _, s := range []*string{&c.name, &c.image, &c.podUID, &c.podName, &c.podNamespace} {
		*s = strings.Clone((*s)[:min(len(*s), engineTextBytes)])
	}
}

// readJSON reports whether path is there and is of the form of v.
func readJSON(path string, v any) bool {
	b := readAll(path, engineFileBytes)
	return b != nil && json.Unmarshal(b, v) == nil
}

// docker reads config.v2.json, which is there before the container starts.
func (e *engines) docker(c *container) {
	var config struct {
		Name   string
		Config struct {
			Image  string
			Labels map[string]string
		}
	}
	if !readJSON(filepath.Join(e.dockerRoot(), "containers", c.id, "config.v2.json"), &config) {
		return
	}
	c.found = true
	c.name, c.image = strings.TrimPrefix(config.Name, "/"), config.Config.Image
	c.kubelet(config.Config.Labels)
}

// dockerRoot returns docker's folder, which its configuration may have moved.
func (e *engines) dockerRoot() string {
	var daemon struct {
		DataRoot string `json:"data-root"`
	}
	if readJSON(filepath.Join(e.etc, "docker/daemon.json"), &daemon) && filepath.IsAbs(daemon.DataRoot) {
		return e.host.path(daemon.DataRoot)
	}
	return filepath.Join(e.varLib, "docker")
}

// kubelet takes what the kubelet has engines note of its containers.
func (c *container) kubelet(notes map[string]string) {
	if name := notes["io.kubernetes.container.name"]; name != "" {
		c.name = name
	}
	c.pod(notes["io.kubernetes.pod.uid"], notes["io.kubernetes.pod.name"], notes["io.kubernetes.pod.namespace"])
}

func (c *container) pod(uid, name, namespace string) {
	// The uid of a pod of the kubelet's own folder differs: that of the
	// cgroup is the one that the kubelet goes by.
	if c.podUID == "" {
		c.podUID = uid
	}
	c.podName, c.podNamespace = name, namespace
}

// storages are the folders of containers/storage, by driver.
var storages = [...]string{"overlay-containers", "vfs-containers", "btrfs-containers", "zfs-containers"}

// podman reads the index of containers/storage.
func (e *engines) podman(c *container) {
	for _, dir := range [...]string{e.varLib, e.run} {
		for _, storage := range storages {
			// Containers that are removed when they end are kept in a
			// file of their own.
			for _, file := range [...]string{"containers.json", "volatile-containers.json"} {
				b := readAll(filepath.Join(dir, "containers/storage", storage, file), engineFileBytes)
				if c.inIndex(b) {
					return
				}
			}
		}
	}
}

func (c *container) inIndex(b []byte) bool {
	if !bytes.Contains(b, []byte(c.id)) {
		return false
	}
	var index []struct {
		ID       string
		Names    []string
		Metadata string
	}
	if json.Unmarshal(b, &index) != nil {
		return false
	}
	for _, entry := range index {
		if entry.ID != c.id {
			continue
		}
		c.found = true
		if len(entry.Names) > 0 {
			c.name = entry.Names[0]
		}
		var metadata struct {
			Image string `json:"image-name"`
		}
		if json.Unmarshal([]byte(entry.Metadata), &metadata) == nil {
			c.image = metadata.Image
		}
		return true
	}
	return false
}

// A bundle is the config.json of an OCI runtime.
type bundle struct{ Annotations map[string]string }

// containerd reads the bundle that its shim started the container from.
func (e *engines) containerd(c *container) {
	for _, home := range [...]string{"containerd", "k3s/containerd", "k0s/containerd"} {
		tasks := filepath.Join(e.run, home, "io.containerd.runtime.v2.task")
		for _, namespace := range namespacesIn(tasks) {
			var b bundle
			if !readJSON(filepath.Join(tasks, namespace, c.id, "config.json"), &b) {
				continue
			}
			if namespace == "moby" {
				continue // docker's: its own file says more
			}
			c.found = true
			const cri = "io.kubernetes.cri."
			c.name, c.image = b.Annotations[cri+"container-name"], b.Annotations[cri+"image-name"]
			if c.name == "" {
				c.name = b.Annotations["nerdctl/name"]
			}
			c.pod(b.Annotations[cri+"sandbox-uid"], b.Annotations[cri+"sandbox-name"], b.Annotations[cri+"sandbox-namespace"])
			return
		}
	}
}

func namespacesIn(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxNamespaces) // what was read counts
	return names
}

// crio reads the bundle that CRI-O keeps with the storage.
func (e *engines) crio(c *container) {
	for _, dir := range [...]string{e.run, e.varLib} {
		for _, storage := range storages {
			var b bundle
			if !readJSON(filepath.Join(dir, "containers/storage", storage, c.id, "userdata/config.json"), &b) {
				continue
			}
			const crio = "io.kubernetes.cri-o."
			if b.Annotations[crio+"ContainerID"] == "" && b.Annotations[crio+"ContainerType"] == "" {
				continue // podman keeps its bundles in the same place
			}
			c.found = true
			c.name = b.Annotations[crio+"ContainerName"]
			if c.image = b.Annotations[crio+"ImageName"]; c.image == "" {
				c.image = b.Annotations[crio+"Image"]
			}
			c.kubelet(b.Annotations)
			if c.podNamespace == "" {
				c.podNamespace = b.Annotations[crio+"Namespace"]
			}
			return
		}
	}
}
