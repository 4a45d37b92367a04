package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
)

// Names in the folder of a sweep.
const (
	SpecFile    = "sweep.yaml"
	JournalFile = "journal.log"
	RunsDir     = "runs" // one folder a training
	baseFile    = "base.yaml"
	filesDir    = "files"   // copies of those that the base names
	workersDir  = "workers" // signs of life

	environmentFact = "environment" // of the base, in the journal
)

// Sweep is a folder with a sweep.
type Sweep struct {
	Dir  string
	Spec *spec.Spec

	// Of the worker.
	Device   string // in the place of the one that the base names
	Together int    // trainings at a time on a GPU at most, 0 for 256

	method  search.Method
	journal *journal.Journal
	worker  string
	fixed   []string // assignments under those of the space
	total   int64    // steps of a training of the base
	rungs   []int64  // at which settings are compared

	search, report *part
}

// Create makes the folder of a new sweep. An existing folder that holds anything is
// refused.
func Create(ctx context.Context, s *spec.Spec, dir string, facts map[string]string) (*Sweep, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, JournalFile)); err == nil {
			return nil, fmt.Errorf("the folder %s holds a sweep: go on with it by --resume %s, or name another one with --out", dir, runfolder.Quote(dir))
		}
		if !onlyOurs(entries) {
			return nil, fmt.Errorf("the folder %s is not empty: name another one with --out", dir)
		}
	}
	c, err := s.Config(nil)
	if err != nil {
		return nil, err
	}
	// What trains where nobody names an environment is the binary's own problem, and workers may
	// be of another binary.
	facts = maps.Clone(facts)
	if facts == nil {
		facts = map[string]string{}
	}
	facts[environmentFact] = c.Env.Name
	for _, d := range []string{dir, filepath.Join(dir, RunsDir), filepath.Join(dir, workersDir), filepath.Join(dir, filesDir)} {
		if err := atomicfile.MkdirAll(d); err != nil {
			return nil, fmt.Errorf("cannot make the folder %s: %w", d, atomicfile.Cause(err))
		}
	}
	if text, err := s.Base.Text(); err != nil {
		return nil, err
	} else if text != nil {
		if err := runfolder.WriteFile(filepath.Join(dir, baseFile), text); err != nil {
			return nil, err
		}
	}
	files := c.Files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		data, err := limits.ReadFile(files[key], limits.Market)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s, which %s names: %w", files[key], key, atomicfile.Cause(err))
		}
		if err := runfolder.WriteFile(filepath.Join(dir, filesDir, key+filepath.Ext(files[key])), data); err != nil {
			return nil, err
		}
	}
	if err := runfolder.WriteFile(filepath.Join(dir, SpecFile), s.Text); err != nil {
		return nil, err
	}
	if err := addSums(facts, dir); err != nil {
		return nil, err
	}
	w, err := open(dir)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(dir)
	if abs, err := filepath.Abs(dir); err == nil {
		name = filepath.Base(abs)
	}
	err = w.journal.Update(ctx, func(st *journal.State) []journal.Op {
		if len(st.Studies) > 0 {
			return nil
		}
		study := 0
		ops := []journal.Op{{Code: journal.CreateStudy, StudyName: name, Directions: []int{journal.Maximize}}}
		for _, key := range slices.Sorted(maps.Keys(facts)) {
			ops = append(ops, journal.Op{Code: journal.SetStudyUserAttr, Study: &study, UserAttr: journal.Attrs{key: marshal(facts[key])}})
		}
		return ops
	})
	if err != nil {
		return nil, err
	}
	return w, w.unchanged(true) // by another one that began here at the same time
}

// onlyOurs says whether a folder holds nothing but what a sweep begins with.
func onlyOurs(entries []os.DirEntry) bool {
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !slices.Contains([]string{RunsDir, workersDir, filesDir, baseFile, SpecFile}, e.Name()) && !atomicfile.IsTemporary(e.Name())
	})
}

// Open opens the folder of a sweep.
func Open(dir string) (*Sweep, error) {
	w, err := open(dir)
	if err == nil && w.journal.State().Studies[0] == nil {
		// Workers would begin settings of a study that is not there, without end.
		return nil, fmt.Errorf("%s: its %s does not begin with a study: it is lost or damaged", dir, JournalFile)
	}
	return w, err
}

// open opens a folder whose journal may have no study yet.
func open(dir string) (*Sweep, error) {
	path := filepath.Join(dir, SpecFile)
	data, err := limits.ReadFile(path, limits.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no sweep: it has no %s", dir, SpecFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
	}
	s, err := spec.ParseCopy(path, data, filepath.Join(dir, baseFile))
	if err != nil {
		return nil, err
	}
	w := &Sweep{Dir: dir, Spec: s, method: s.Method(), worker: workerName()}
	w.search = newPart("", s.Seeds)
	w.report = newPart("report-", s.Report.Seeds)
	copies, err := os.ReadDir(filepath.Join(dir, filesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range copies {
		key := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name()))
		if config.NamesFile(key) {
			// A string of JSON is one of YAML, whatever the path has.
			w.fixed = append(w.fixed, key+"="+string(marshal(filepath.Join(dir, filesDir, e.Name()))))
		}
	}
	if w.journal, err = journal.Open(filepath.Join(dir, JournalFile), w.worker, accept); err != nil {
		return nil, err
	}
	if err := w.unchanged(true); err != nil {
		return nil, err
	}
	if name := w.facts()[environmentFact]; name != "" {
		w.fixed = append(w.fixed, "env.name="+name)
	}
	c, err := s.Config(w.fixed)
	if err != nil {
		return nil, err
	}
	w.total, w.rungs = c.Steps, s.Prune.Rungs(c.Steps)
	return w, nil
}

// Facts returns what is said of the sweep in its journal: the command that made it, the
// version, the environment of its base.
func (w *Sweep) Facts() map[string]string {
	all := w.facts()
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, sumFact) })
	return all
}

// facts returns what the journal says of the sweep and its files.
func (w *Sweep) facts() map[string]string {
	all := map[string]string{}
	if study := w.journal.State().Studies[0]; study != nil {
		for name, raw := range study.UserAttrs {
			if text, err := journal.String(raw); err == nil {
				all[name] = text
			}
		}
	}
	return all
}

func workerName() string {
	self := journal.Self()
	return fmt.Sprintf("%s-%d-%08x", self.Host, self.PID, rand.Uint32())
}

// Config returns the configuration of a training.
func (w *Sweep) Config(p search.Point, seed uint64) (*config.Config, error) {
	return w.Spec.Config(w.assignments(p, seed))
}

// assignments returns the settings of one training over the base.
func (w *Sweep) assignments(p search.Point, seed uint64) []string {
	return slices.Concat(w.fixed, w.Spec.Space.Assignments(p), []string{fmt.Sprintf("seed=%d", seed)})
}

func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("sweep: %v", err)) // nothing that is written has numbers that are not finite
	}
	return b
}
