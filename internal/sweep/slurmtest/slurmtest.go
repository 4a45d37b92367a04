package slurmtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Cluster is a Slurm of one controller and some nodes.
type Cluster struct {
	t     testing.TB
	dir   string
	p     *programs
	env   []string
	nodes map[string]*exec.Cmd // the daemon of each
}

// Start starts a cluster of nodes with some processors each, whose daemons end with the
// test. The test is skipped where Slurm is neither there nor can be fetched.
func Start(t testing.TB, cpus int, nodes ...string) *Cluster {
	t.Helper()
	p, err := install()
	if err != nil {
		t.Skipf("SKIPPED: there is no Slurm, and it cannot be installed: %v", err)
	}
	// Paths of sockets are short.
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: dir, p: p, nodes: map[string]*exec.Cmd{}}
	t.Cleanup(func() {
		if t.Failed() {
			c.logs()
		}
		os.RemoveAll(dir)
	})
	c.env = append(os.Environ(), "PATH="+p.path, "SLURM_CONF="+c.path("slurm.conf"))
	if p.library != "" {
		c.env = append(c.env, "LD_LIBRARY_PATH="+p.library)
	}
	c.configure(cpus, nodes)
	key := make([]byte, 1024)
	rand.Read(key)
	if err := os.WriteFile(c.path("munge.key"), key, 0o400); err != nil {
		t.Fatal(err)
	}
	c.daemon("munged", "-F", "--force", "--key-file="+c.path("munge.key"), "--socket="+c.path("munge.sock"),
		"--pid-file="+c.path("munged.pid"), "--seed-file="+c.path("munge.seed"), "--log-file="+c.path("munged.log"))
	c.Wait("munged listens", func() bool { _, err := os.Stat(c.path("munge.sock")); return err == nil })
	c.daemon("slurmctld", "-D", "-c")
	for _, n := range nodes {
		c.StartNode(n)
	}
	c.Wait("all nodes are idle", func() bool {
		out, _ := c.try("sinfo", "--noheader", "--Node", "--format=%T")
		return strings.Count(out, "idle") == len(nodes)
	})
	return c
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// configure writes the configuration: what takes minutes at a cluster takes seconds.
func (c *Cluster) configure(cpus int, nodes []string) {
	c.t.Helper()
	host, err := os.Hostname()
	if err != nil {
		c.t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	who, err := user.Current()
	if err != nil {
		c.t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `ClusterName=test
SlurmctldHost=%s(127.0.0.1)
SlurmctldPort=%d
SlurmUser=%[3]s
SlurmdUser=%[3]s
AuthType=auth/munge
AuthInfo=socket=%[4]s/munge.sock,cred_expire=5
CredType=cred/munge
StateSaveLocation=%[4]s/state
SlurmdSpoolDir=%[4]s/spool-%%n
SlurmctldPidFile=%[4]s/slurmctld.pid
SlurmdPidFile=%[4]s/slurmd-%%n.pid
SlurmctldLogFile=%[4]s/slurmctld.log
SlurmdLogFile=%[4]s/slurmd-%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_min_interval=1000000,batch_sched_delay=1
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=4
MessageTimeout=3
TCPTimeout=1
KillWait=20
JobRequeue=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
`, host, c.port(), who.Username, c.dir)
	if c.p.plugins != "" {
		fmt.Fprintf(&b, "PluginDir=%s\n", c.p.plugins)
	}
	for _, n := range nodes {
		fmt.Fprintf(&b, "NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=%d RealMemory=1000\n", n, host, c.port(), cpus)
	}
	fmt.Fprintf(&b, "PartitionName=p Nodes=%s Default=YES MaxTime=INFINITE State=UP\n", strings.Join(nodes, ","))
	if err := os.Mkdir(c.path("state"), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(c.path("slurm.conf"), []byte(b.String()), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// port returns one that was free a moment ago.
func (c *Cluster) port() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// daemon starts one that ends with the test, however that ends.
func (c *Cluster) daemon(name string, args ...string) *exec.Cmd {
	c.t.Helper()
	cmd := c.Command(name, args...)
	// What it starts must not hold a pipe open.
	out, err := os.OpenFile(c.path(name+".out"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	c.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	})
	return cmd
}

// StartNode starts the daemon of a node.
func (c *Cluster) StartNode(name string) {
	c.t.Helper()
	args := []string{"-D", "-N", name}
	if c.p.stepd != "" {
		args = append(args, "-d", c.p.stepd)
	}
	c.nodes[name] = c.daemon("slurmd", args...)
}

// Kill kills the daemon of a node. What it has started goes on, as where a node is cut off.
func (c *Cluster) Kill(node string) {
	c.t.Helper()
	if err := c.nodes[node].Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
}

// PowerOff kills all that runs on a node at once.
func (c *Cluster) PowerOff(node string) {
	c.t.Helper()
	running := strings.Fields(c.Run("squeue", "--noheader", "--states=running", "--nodelist="+node, "--format=%A"))
	c.Kill(node)
	parents := map[int]int{}
	roots := map[int]bool{}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range all {
		pid, _ := strconv.Atoi(filepath.Base(p))
		stat, err := os.ReadFile(filepath.Join(p, "stat"))
		if err != nil {
			continue
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		parents[pid], _ = strconv.Atoi(string(fields[1]))
		title, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		for _, job := range running {
			roots[pid] = roots[pid] || strings.HasPrefix(string(title), "slurmstepd: ["+job+".") && c.ours(p)
		}
	}
	for pid := range parents {
		for at := pid; at > 1; at = parents[at] {
			if roots[at] {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					c.t.Fatal(err)
				}
				break
			}
		}
	}
}

// ours says whether a process is of this cluster.
func (c *Cluster) ours(proc string) bool {
	env, err := os.ReadFile(filepath.Join(proc, "environ"))
	return err == nil && bytes.Contains(env, []byte("SLURM_CONF="+c.path("slurm.conf")))
}

// Command returns a command that knows the cluster.
func (c *Cluster) Command(name string, args ...string) *exec.Cmd {
	path := name
	if !strings.Contains(name, "/") {
		for _, dir := range filepath.SplitList(c.p.path) {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				path = filepath.Join(dir, name)
				break
			}
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env = c.env
	return cmd
}

func (c *Cluster) try(name string, args ...string) (string, error) {
	out, err := c.Command(name, args...).CombinedOutput()
	return string(out), err
}

// Run runs a command of Slurm and returns what it prints.
func (c *Cluster) Run(name string, args ...string) string {
	c.t.Helper()
	out, err := c.try(name, args...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// Task returns what Slurm says of a task of an array, such as JobState or Restarts; nothing
// where it has forgotten it.
func (c *Cluster) Task(id, what string) string {
	out, _ := c.try("scontrol", "show", "job", id)
	for _, field := range strings.Fields(out) {
		if value, ok := strings.CutPrefix(field, what+"="); ok {
			return value
		}
	}
	return ""
}

// Wait waits until something holds, on a loaded machine for minutes.
func (c *Cluster) Wait(what string, holds func() bool) {
	c.t.Helper()
	const most = 10 * time.Minute
	began := time.Now()
	for !holds() {
		if time.Since(began) > most {
			queue, _ := c.try("squeue")
			nodes, _ := c.try("sinfo", "--Node", "--long")
			c.t.Fatalf("after %v not yet: %s\n%s\n%s", most, what, queue, nodes)
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Logf("%.1f s until %s", time.Since(began).Seconds(), what)
}

// logs shows what the daemons have said.
func (c *Cluster) logs() {
	all, _ := filepath.Glob(c.path("*.log"))
	outs, _ := filepath.Glob(c.path("*.out"))
	for _, path := range append(all, outs...) {
		if text, err := os.ReadFile(path); err == nil {
			const most = 4000
			c.t.Logf("%s\n%s", filepath.Base(path), text[max(0, len(text)-most):])
		}
	}
}
