// Command floor prints the number of each TCP port that opens, and nothing
// else: the bare ring-buffer reader that portwatch is measured beside. Its
// argument is the root of the cgroup2 hierarchy.
package main

import (
	"encoding/binary"
	"log"
	"os"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

//go:generate go tool bpf2go -cc clang-19 -target bpfel -cflags "-O2 -g -Wall -Werror -mcpu=v3" floor ../bpf/floor.bpf.c -- -I../../../bpf

func main() {
	var objs floorObjects
	if err := loadFloorObjects(&objs, nil); err != nil {
		log.Fatal(err)
	}
	l, err := link.AttachCgroup(link.CgroupOptions{Path: os.Args[1], Attach: ebpf.AttachCGroupSockOps, Program: objs.FloorListen})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	r, err := ringbuf.NewReader(objs.Events)
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.WriteString("ready\n")
	var rec ringbuf.Record
	var line []byte
	for {
		if err := r.ReadInto(&rec); err != nil {
			log.Fatal(err)
		}
		port := binary.NativeEndian.Uint32(rec.RawSample[24:])
		line = append(strconv.AppendUint(line[:0], uint64(port), 10), '\n')
		os.Stdout.Write(line)
	}
}
