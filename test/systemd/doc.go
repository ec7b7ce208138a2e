// Package systemd is the acceptance of portwatch as a unit of a real systemd.
// Its tests, behind the build tag vm, run as root inside a virtual machine
// that they may change as they like: see "make systemd".
package systemd
