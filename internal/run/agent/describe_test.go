package agent

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
)

// A description names the inputs and outputs of a policy, and is in the run folder.
func TestDescribe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c, err := config.Load("", []string{"debias.points=1000", "debias.cache_dir="}, []config.Setting{{Flag: "--env", Key: "env.name", Value: "portfolio-limited"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(c, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	kept, err := os.ReadFile(filepath.Join(dir, runfolder.DescriptionFile))
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Agent.Describe()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.Write(&b); err != nil || !bytes.Equal(b.Bytes(), kept) {
		t.Errorf("the run keeps %s, not %s (%v)", kept, b.Bytes(), err)
	}
	var back Description
	if err := json.Unmarshal(kept, &back); err != nil {
		t.Fatal(err)
	}
	spec := r.Agent.Problem.Spec()
	if back.Environment != "portfolio-limited" || !slices.Equal(back.Observation, spec.ObsNames) || back.Reward != spec.Reward || back.Episode != spec.Episode {
		t.Errorf("%s", kept)
	}
	if len(back.Entities) != 13 || back.Entities[0].Name != "CASH" || *back.Entities[0].Lower != 0 || back.Entities[0].Upper != nil {
		t.Errorf("entities %+v", back.Entities[0])
	}
	_, rows, names := spec.Polytope.Inequalities()
	if len(back.Inequalities) != len(rows) || back.Inequalities[0].Name != names[0] || !strings.Contains(back.Inequalities[0].Expr, " <= ") {
		t.Errorf("inequalities %+v", back.Inequalities)
	}
	if len(back.Equalities) != 1 || !strings.HasPrefix(back.Equalities[0].Expr, "CASH + ") || !strings.HasSuffix(back.Equalities[0].Expr, " = 1") {
		t.Errorf("equalities %+v", back.Equalities)
	}
	if !slices.Equal(back.Limits, []string{"lower", "upper"}) || back.Given {
		t.Errorf("limits %q, given %v", back.Limits, back.Given)
	}
}

// Components without names are numbered, and a description says which limits have to be given.
func TestDescribeUnnamed(t *testing.T) {
	p, err := benchmarks.New(benchmarks.DefaultConfig(), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{Problem: bare{p}}
	d, err := a.Describe()
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Observation) != 27 || d.Observation[26] != "component 26" || d.Limits == nil || len(d.Limits) > 0 || d.Given {
		t.Errorf("%+v", d)
	}
}

// bare is a problem without names and descriptions.
type bare struct{ envs.Problem }

func (b bare) Spec() envs.Spec {
	s := b.Problem.Spec()
	s.ObsNames, s.Reward, s.Episode = nil, "", ""
	return s
}
