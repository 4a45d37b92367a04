package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Process names a process among those of all machines.
type Process struct {
	Host  string `json:"host"`
	Boot  string `json:"boot,omitempty"`  // of the machine
	Space string `json:"space,omitempty"` // of process numbers
	PID   int    `json:"pid"`
	Start string `json:"start,omitempty"` // when it began: numbers are used again
	Nonce string `json:"nonce,omitempty"`
}

// Self returns the process that asks.
var Self = sync.OnceValue(func() Process {
	p := Process{PID: os.Getpid()}
	p.Host, _ = os.Hostname()
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		p.Boot = strings.TrimSpace(string(b))
	}
	p.Space, _ = os.Readlink("/proc/self/ns/pid")
	p.Start = startOf(p.PID)
	return p
})

// startOf returns when a process began, in ticks since the machine did, and nothing where
// there is none or it is not known.
func startOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name before may hold anything.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const state, start = 0, 19
	if len(fields) <= start || string(fields[state]) == "Z" {
		return ""
	}
	return string(fields[start])
}

// sees says whether p can tell if q lives: they share their machine and its numbers of
// processes.
func (p Process) sees(q Process) bool {
	return p.Start != "" && q.Start != "" && p.Host == q.Host && p.Boot == q.Boot && p.Space == q.Space
}

// alive says whether a process that is seen lives.
func (p Process) alive() bool { return startOf(p.PID) == p.Start }

func (p Process) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // it has nothing that JSON cannot hold
	}
	return b
}

func decodeProcess(b []byte) (p Process, ok bool) {
	return p, json.Unmarshal(b, &p) == nil && p.PID != 0
}

// Dead says for certain that a process is dead. Of one that cannot be seen it says false.
func (p Process) Dead(q Process) bool { return p.sees(q) && !q.alive() }
