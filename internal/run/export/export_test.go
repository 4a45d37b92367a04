package export

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/internal/checkout"
	"paspo/internal/long"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/lp"
	"paspo/policy"
	"paspo/rl"
)

// example is a policy that depends on its observations, and states to compare actions in.
type example struct {
	dir   string
	agent *agent.Agent
	cp    *rl.Checkpoint
}

func newExample(t *testing.T, assignments ...string) *example {
	t.Helper()
	c, err := config.Load("", append([]string{
		"steps=1024", "device=cpu", "debias.points=1000", "debias.cache_dir=", "policy.head_scale=1", "ppo.epochs=2", "ppo.eval_every=0", "ppo.checkpoint_every=0",
	}, assignments...), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &example{dir: filepath.Join(t.TempDir(), "run")}
	r, err := agent.Start(c, e.dir)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Train(context.Background(), func(rl.Metrics) {})
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	if e.agent, e.cp, err = agent.OpenRun(e.dir, agent.Latest, config.DeviceCPU); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.agent.Close() })
	return e
}

// states are observations, limits and the actions of the policy.
type states struct {
	rows   int
	inputs map[string]tensor

	actions, intervals []float64
}

// play collects the states of episodes with sampled actions. With moving, right-hand
// sides are random ones that some allocation satisfies.
func (e *example) play(t *testing.T, rows int, moving bool) *states {
	t.Helper()
	const side = 100
	p := e.agent.Solver.Polytope()
	n, dim := p.Dim(), e.agent.Backend.ObsDim()
	v, err := envs.NewVector(e.agent.Problem, envs.VectorConfig{Count: side, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	actor := rl.NewActor(e.agent.Backend)
	r := rand.New(rand.NewPCG(1, 2))
	s := &states{rows: rows, inputs: map[string]tensor{}}
	add := func(name string, width int, data []float64) {
		x := s.inputs[name]
		s.inputs[name] = tensor{[]int{rows, width}, append(x.data, data...)}
	}
	for range rows / side {
		limits := v.Limits()
		out, err := actor.Act(v.Obs(), limits, policy.Sampled, r)
		if err != nil {
			t.Fatal(err)
		}
		sampled := append([]float64(nil), out.Actions...)
		if moving {
			limits = make([]lp.Limits, side)
			a, b, _ := p.Inequalities()
			for i := range limits {
				for k := range b {
					ax := 0.
					for j := range n {
						ax += a[k*n+j] * sampled[i*n+j]
					}
					limits[i].B = append(limits[i].B, ax+(0.02+1.2*r.Float64())*(b[k]-ax))
				}
			}
		}
		if out, err = actor.Act(v.Obs(), limits, e.agent.Rule(e.cp), nil); err != nil {
			t.Fatal(err)
		}
		add("obs", dim, v.Obs())
		for _, l := range limits {
			for name, x := range envs.Fields(&l) {
				if *x != nil {
					add(name, len(*x), *x)
				}
			}
		}
		s.actions = append(s.actions, out.Actions...)
		for i := range out.Lower {
			s.intervals = append(s.intervals, out.Lower[i], out.Upper[i])
		}
		if err := v.Step(sampled); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// benchmarks are the cases of graphs that are tested.
var benchmarks = map[string]struct {
	set    []string
	limits []string
	moving bool   // b is an input, with random values
	market string // limits of a market, the environment then
}{
	"portfolio":         {},
	"portfolio mode":    {set: []string{"ppo.deterministic_action=mode"}},
	"portfolio b":       {limits: []string{"b"}, moving: true},
	"compute":           {set: []string{"env.name=compute"}},
	"synthetic":         {set: []string{"env.name=synthetic", "ppo.normalize_obs=on", "ppo.obs_clip=0.5"}},
	"portfolio-limited": {set: []string{"env.name=portfolio-limited"}},
	"compute-capped":    {set: []string{"env.name=compute-capped", "policy.fixed_width=0.01", "policy.max_shape=0"}},
	"channels":          {set: []string{"env.name=channels"}},
	"turnover":          {market: "[turnover(ALL) <= 0.2, leverage(ALL) <= 1.3, abs(A - 0.2) <= 0.25, A + B <= 0.7]"},
	"leverage":          {market: "[leverage(ALL) <= 1.3, abs(A - B) <= 0.2]"},
}

// inMarket returns settings of a market under constraints, with shorts.
func inMarket(t *testing.T, constraints string) []string {
	t.Helper()
	const assets, periods = 4, 60
	r := rand.New(rand.NewPCG(6, 7))
	m := struct {
		Format  string      `json:"format"`
		Kind    string      `json:"kind"`
		Every   string      `json:"every"`
		Assets  []string    `json:"assets"`
		Dates   []string    `json:"dates"`
		Returns [][]float64 `json:"returns"`
	}{Format: "market 1", Kind: "bootstrap", Every: "month", Assets: []string{"A", "B", "C", "D"}}
	for k := range periods {
		m.Dates = append(m.Dates, fmt.Sprintf("%d-%02d-28", 2000+k/12, 1+k%12))
		row := make([]float64, assets)
		for j := range row {
			row[j] = 0.08 * r.NormFloat64()
		}
		m.Returns = append(m.Returns, row)
	}
	model, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	limits := "entities: [CASH, A, B, C, D]\ntotal: 1\nholdings: {CASH: 0.4, A: 0.2, B: 0.4}\nbounds: {default: [-0.2, 0.6], CASH: [0, 1]}\nconstraints: " + constraints + "\n"
	for name, text := range map[string]string{"market.json": string(model), "limits.yaml": limits} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"env.name=market", "env.market.model=" + filepath.Join(dir, "market.json"), "constraints=" + filepath.Join(dir, "limits.yaml")}
}

// The graph gives the actions and intervals of the policy, and the residual of the polytope.
func TestGraphAgreesWithPolicy(t *testing.T) {
	long.Test(t)
	for name, c := range benchmarks {
		t.Run(name, func(t *testing.T) {
			if c.market != "" {
				c.set = inMarket(t, c.market)
			}
			e := newExample(t, c.set...)
			s := e.play(t, 200, c.moving)
			m, err := ONNX(e.dir, e.agent, e.cp, Options{Limits: c.limits})
			if err != nil {
				t.Fatal(err)
			}
			g := parse(t, m.Marshal())
			out, err := g.run(s.inputs)
			if err != nil {
				t.Fatal(err)
			}
			action, interval := 0., 0.
			for i, x := range out["action"].data {
				action = max(action, math.Abs(x-s.actions[i]))
			}
			for i, x := range out["intervals"].data {
				interval = max(interval, math.Abs(x-s.intervals[i]))
			}
			residual := 0.
			for _, x := range out["residual"].data {
				residual = max(residual, x)
			}
			t.Logf("off by %.3g, intervals by %.3g, residual %.3g, %d nodes", action, interval, residual, len(g.nodes))
			if len(out["residual"].data) != s.rows || len(out["action"].data) != len(s.actions) || len(out["intervals"].data) != len(s.intervals) ||
				!(action <= 1e-6) || !(interval <= 1e-5) || !(residual <= 1e-9) {
				t.Errorf("off by %g, intervals by %g, residual %g", action, interval, residual)
			}
		})
	}
}

// interpreter returns a Python with ONNX Runtime: PASPO_TEST_PYTHON, or one that pip installs it
// into.
func interpreter(t *testing.T) string {
	t.Helper()
	has := func(name string) bool {
		return exec.Command(name, "-c", "import numpy, onnx, onnxruntime").Run() == nil
	}
	dir, err := checkout.Cache("onnxruntime")
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "bin", "python3")
	for _, name := range []string{os.Getenv("PASPO_TEST_PYTHON"), own} {
		if name != "" && has(name) {
			return name
		}
	}
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		{own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "numpy", "onnx", "onnxruntime"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("SKIPPED: no Python with onnx and onnxruntime, and pip cannot fetch them: %v\n%s", err, out)
		}
	}
	return own
}

// ONNX Runtime gives the actions of the policy, for many observations of every benchmark.
func TestONNXRuntime(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	program := interpreter(t)
	dir := t.TempDir()
	const rows = 10_000
	for name, c := range benchmarks {
		if c.market != "" {
			c.set = inMarket(t, c.market)
		}
		e := newExample(t, c.set...)
		s := e.play(t, rows, c.moving)
		m, err := ONNX(e.dir, e.agent, e.cp, Options{Limits: c.limits})
		if err != nil {
			t.Fatal(err)
		}
		n := e.agent.Solver.Polytope().Dim()
		var shapes strings.Builder
		write := func(name, array string, x tensor) {
			b, _ := json.Marshal(x.dims)
			fmt.Fprintf(&shapes, ", %q: %s", array, b)
			data := make([]byte, 0, 8*len(x.data))
			for _, v := range x.data {
				data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
			}
			if err := os.WriteFile(filepath.Join(dir, name+"."+array), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, in := range m.Inputs {
			write(name, in.Name, s.inputs[in.Name])
		}
		write(name, "action", tensor{[]int{rows, n}, s.actions})
		write(name, "intervals", tensor{[]int{rows, n, 2}, s.intervals})
		for suffix, data := range map[string][]byte{".json": []byte("{" + shapes.String()[2:] + "}"), ".onnx": m.Marshal()} {
			if err := os.WriteFile(filepath.Join(dir, name+suffix), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	var errs strings.Builder
	cmd := exec.Command(program, "testdata/verify.py", dir)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	d := json.NewDecoder(bytes.NewReader(out))
	for range benchmarks {
		var r struct {
			Name                                      string
			Rows                                      int
			Action, Intervals, Residual, Batch, Alone float64
			Refused                                   bool
		}
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-18s off by %.2g, intervals by %.2g, residual %.2g; %.1f us an action in a batch, %.0f us alone", r.Name, r.Action, r.Intervals, r.Residual, r.Batch, r.Alone)
		if r.Rows != rows || !(r.Action <= 1e-6) || !(r.Intervals <= 1e-5) || !(r.Residual <= 1e-9) || !r.Refused {
			t.Errorf("%+v", r)
		}
	}
}
