package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

type sample struct {
	Env   string  `yaml:"env" doc:"what to train on"`
	Steps int64   `yaml:"steps" doc:"length of training"`
	Seed  uint64  `yaml:"seed"`
	PPO   section `yaml:"ppo" doc:"training"`

	Ignored int `yaml:"-"`
}

type section struct {
	LR       float64 `yaml:"lr" doc:"learning rate"`
	LRFinal  float64 `yaml:"lr_final"`
	Envs     int     `yaml:"envs"`
	Scale    bool    `yaml:"scale"`
	Widths   []int   `yaml:"widths" doc:"a list"`
	Schedule string  `yaml:"schedule"`
}

func defaults() *sample {
	return &sample{Env: "portfolio", Steps: 150_000, PPO: section{LR: 1e-3, Envs: 8, Widths: []int{32, 32}}}
}

func TestDocument(t *testing.T) {
	s := defaults()
	err := newDecoder(s).document("a.yaml", []byte(`
# comment
env: compute
steps: 1e6
seed: 18446744073709551615
ppo:
  lr: 3e-4
  envs: 1_024
  scale: true
  widths: [64, 16, 4]
  schedule: "on"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &sample{Env: "compute", Steps: 1_000_000, Seed: 1<<64 - 1,
		PPO: section{LR: 3e-4, Envs: 1024, Scale: true, Widths: []int{64, 16, 4}, Schedule: "on"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestDocumentErrors(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{"ppo:\n  lrr: 1", "a.yaml:2: unknown key ppo.lrr; did you mean ppo.lr?"},
		{"lr: 1", "a.yaml:1: unknown key lr; did you mean ppo.lr?"},
		{"ppo:\n  seed: 1", "a.yaml:2: unknown key ppo.seed; did you mean seed?"},
		{"\n\npp: {}", "a.yaml:3: unknown key pp; did you mean ppo?"},
		{"zzzzzzzzz: 1", "a.yaml:1: unknown key zzzzzzzzz"},
		{"Ignored: 1", "a.yaml:1: unknown key Ignored"},
		{"ppo:\n  lr: fast", `a.yaml:2: ppo.lr is "fast": a finite number is allowed`},
		{"ppo: {lr: .nan}", `a.yaml:1: ppo.lr is ".nan": a finite number is allowed`},
		{"ppo: {lr: .inf}", `a.yaml:1: ppo.lr is ".inf": a finite number is allowed`},
		{"ppo: {lr: 1e999}", `a.yaml:1: ppo.lr is "1e999": a finite number is allowed`},
		{"ppo: {lr: '1'}", `a.yaml:1: ppo.lr is "1": a finite number is allowed`},
		{"ppo: {lr: }", `a.yaml:1: ppo.lr is empty: a finite number is allowed`},
		{"steps: 1.5", `a.yaml:1: steps is "1.5": an integer is allowed`},
		{"steps: 9223372036854775808", `a.yaml:1: steps is "9223372036854775808": an integer is allowed`},
		{"seed: -1", `a.yaml:1: seed is "-1": an integer from 0 to 18446744073709551615 is allowed`},
		{"ppo: {scale: 1}", `a.yaml:1: ppo.scale is "1": true or false is allowed`},
		{"ppo: {envs: [1]}", `a.yaml:1: ppo.envs is a list: an integer is allowed`},
		{"ppo: {widths: 3}", `a.yaml:1: ppo.widths is "3": a list of integers is allowed`},
		{"ppo: {widths: [3, x]}", `a.yaml:1: ppo.widths[1] is "x": an integer is allowed`},
		{"ppo: 3", `a.yaml:1: ppo is "3": a mapping of settings is allowed`},
		{"[1, 2]", `a.yaml:1: the document is a list: a mapping of settings is allowed`},
		{"steps: 1\nsteps: 2", "a.yaml:2: steps is set twice"},
		{"steps: 1\n---\nsteps: 2", "a.yaml:2: a second document begins: a file holds one"},
		{"ppo: {lr: 1", "a.yaml:1: did not find expected ',' or '}'"},
		{"a: b: c", "a.yaml: mapping values are not allowed in this context"},
		{"env: " + strings.Repeat("x", 3) + "\nsteps: " + strings.Repeat("y", 100),
			`a.yaml:2: steps is "` + strings.Repeat("y", 60) + `...": an integer is allowed`},
	} {
		err := newDecoder(defaults()).document("a.yaml", []byte(c.doc))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q:\ngot  %v\nwant %s", c.doc, err, c.want)
		}
	}
}

func TestAssignment(t *testing.T) {
	s := defaults()
	d := newDecoder(s)
	for _, a := range []string{"ppo.lr=3e-4", "env=compute", "ppo.widths=[8]", "ppo={envs: 16}", "ppo.schedule="} {
		if err := d.assignment(a); err != nil {
			t.Fatal(err)
		}
	}
	want := defaults()
	want.Env, want.PPO.LR, want.PPO.Widths, want.PPO.Envs = "compute", 3e-4, []int{8}, 16
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	for _, c := range []struct{ set, want string }{
		{"ppo.lrr=1", "--set ppo.lrr=1: unknown key ppo.lrr; did you mean ppo.lr?"},
		{"poo.lr=1", "--set poo.lr=1: unknown key poo.lr; did you mean ppo.lr?"},
		{"ppo.lr.x=1", "--set ppo.lr.x=1: unknown key ppo.lr.x; did you mean ppo.lr?"},
		{"ppo.lr", "--set ppo.lr: write it as key=value, for example ppo.lr=3e-4"},
		{"=1", "--set =1: write it as key=value, for example ppo.lr=3e-4"},
		{"ppo.lr=high", `--set ppo.lr=high: ppo.lr is "high": a finite number is allowed`},
		{"ppo.lr=", `--set ppo.lr=: ppo.lr is empty: a finite number is allowed`},
		{"ppo.lr=[", "--set ppo.lr=[:1: did not find expected node content"},
	} {
		err := d.assignment(c.set)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q:\ngot  %v\nwant %s", c.set, err, c.want)
		}
	}
}

func TestPrint(t *testing.T) {
	var b bytes.Buffer
	if err := printSettings(&b, defaults()); err != nil {
		t.Fatal(err)
	}
	const want = `# what to train on
env: portfolio
# length of training
steps: 150000
seed: 0

# training
ppo:
  # learning rate
  lr: 0.001
  lr_final: 0
  envs: 8
  scale: false
  # a list
  widths: [32, 32]
  schedule: ""
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

// A printed configuration reads back to the same settings, whatever the strings contain.
func TestPrintReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &sample{
			Env: rapid.String().Draw(t, "env"), Steps: rapid.Int64().Draw(t, "steps"), Seed: rapid.Uint64().Draw(t, "seed"),
			PPO: section{
				LR:       rapid.Float64().Draw(t, "lr"),
				Scale:    rapid.Bool().Draw(t, "scale"),
				Widths:   rapid.SliceOf(rapid.Int()).Draw(t, "widths"),
				Schedule: rapid.SampledFrom([]string{"on", "yes", "null", "~", "1e3", "0x1", "true", "a b", " a", "#", "a: b", "2020-01-01", "/tmp/a-b.yaml", ".", "-", "---"}).Draw(t, "schedule"),
			},
		}
		var b bytes.Buffer
		if err := printSettings(&b, s); err != nil {
			t.Fatal(err)
		}
		back := new(sample)
		if err := newDecoder(back).document("printed", b.Bytes()); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if len(s.PPO.Widths) == 0 {
			s.PPO.Widths, back.PPO.Widths = nil, nil
		}
		if !reflect.DeepEqual(s, back) {
			t.Fatalf("got  %+v\nwant %+v\n%s", back, s, b.String())
		}
	})
}

func FuzzDocument(f *testing.F) {
	f.Add("env: compute\nppo: {lr: 1e-3, widths: [1, 2]}")
	f.Add("&a {ppo: *a}")
	f.Add("ppo: &p\n  lr: 1\nenv: *p")
	f.Fuzz(func(t *testing.T, doc string) {
		if err := newDecoder(defaults()).document("f", []byte(doc)); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: more than one line: %v", doc, err)
		}
	})
}
