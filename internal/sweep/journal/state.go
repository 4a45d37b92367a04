package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Code is that of an operation.
type Code int

// The operations of Optuna.
const (
	CreateStudy Code = iota
	DeleteStudy
	SetStudyUserAttr
	SetStudySystemAttr
	CreateTrial
	SetTrialParam
	SetTrialState
	SetTrialIntermediate
	SetTrialUserAttr
	SetTrialSystemAttr
	DiscardTrials
)

// TrialState is how far a trial is.
type TrialState int

// The states of Optuna.
const (
	Running TrialState = iota
	Complete
	Pruned
	Fail
	Waiting
)

func (s TrialState) String() string {
	if s < Running || s > Waiting {
		return fmt.Sprintf("state %d", int(s))
	}
	return [...]string{"running", "complete", "pruned", "failed", "waiting"}[s]
}

// Finished says whether a trial in this state stays as it is.
func (s TrialState) Finished() bool { return s == Complete || s == Pruned || s == Fail }

// Directions of a study.
const (
	Minimize = 1
	Maximize = 2
)

// Attrs are attributes by name, each JSON.
type Attrs map[string]json.RawMessage

// Op is a line of a journal. Which fields it has depends on its code.
type Op struct {
	Code   Code   `json:"op_code"`
	Worker string `json:"worker_id"`

	StudyName  string `json:"study_name,omitempty"`
	Directions []int  `json:"directions,omitempty"`

	Study *int `json:"study_id,omitempty"`
	Trial *int `json:"trial_id,omitempty"`

	State             *TrialState `json:"state,omitempty"`
	DatetimeStart     string      `json:"datetime_start,omitempty"`
	DatetimeComplete  string      `json:"datetime_complete,omitempty"`
	Values            *[]float64  `json:"values,omitempty"`
	Step              *int64      `json:"step,omitempty"`
	IntermediateValue *float64    `json:"intermediate_value,omitempty"`

	Distributions map[string]string  `json:"distributions,omitempty"` // each JSON
	Params        map[string]float64 `json:"params,omitempty"`        // as Optuna keeps them: of a choice, its number
	UserAttrs     Attrs              `json:"user_attrs,omitempty"`
	SystemAttrs   Attrs              `json:"system_attrs,omitempty"`

	UserAttr Attrs `json:"user_attr,omitempty"`
}

// Study is a set of trials.
type Study struct {
	ID        int
	Name      string
	UserAttrs Attrs
	Trials    []*Trial // in order of their numbers
}

// Trial is a point of a space and what came of it.
type Trial struct {
	ID           int
	State        TrialState
	Value        float64 // NaN where there is none
	Intermediate []Intermediate

	// Version changes whenever something else does.
	Version int

	params, system []byte // JSON, of its beginning
	attrs          []attr // of the user
}

// Intermediate is a value before the end of a trial.
type Intermediate struct {
	Step  int64
	Value float64
}

type attr struct {
	name  string
	value []byte
}

// Params calls visit with the parameters that a trial began with, as Optuna keeps them.
func (t *Trial) Params(visit func(name []byte, value float64)) error {
	return Object(t.params, func(name, value []byte) error {
		x, err := Number(value)
		if err == nil {
			visit(name, x)
		}
		return err
	})
}

// SystemAttr returns an attribute that a trial began with, nil where there is none.
func (t *Trial) SystemAttr(name string) (value []byte) {
	_ = Object(t.system, func(n, v []byte) error {
		if string(n) == name {
			value = v
		}
		return nil
	})
	return value
}

// Attr returns an attribute of the user, nil where there is none.
func (t *Trial) Attr(name string) []byte {
	for i := range t.attrs {
		if t.attrs[i].name == name {
			return t.attrs[i].value
		}
	}
	return nil
}

// Accept says whether an attribute of a trial may take the place of one before it, which
// is nil where there was none. Whoever writes an attribute can so see whether another
// process was first.
type Accept func(name, before, after []byte) bool

// State is what the operations of a journal come to, as Optuna replays them.
type State struct {
	Studies map[int]*Study

	trials    []*Trial // of all studies
	nextStudy int
	accept    Accept
}

func newState(accept Accept) *State {
	if accept == nil {
		accept = func(_, _, _ []byte) bool { return true }
	}
	return &State{Studies: map[int]*Study{}, accept: accept}
}

// Study returns the study of a name, nil where there is none.
func (s *State) Study(name string) *Study {
	for _, t := range s.Studies {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// fields are the values of a line.
type fields struct {
	code, study, trial, state, step              int64
	name, values, value, params, userAttr, attrs []byte
	system                                       []byte
}

func (s *State) apply(line []byte) error {
	f := fields{code: -1, study: -1, trial: -1, state: -1, step: -1}
	err := Object(line, func(name, value []byte) (err error) {
		switch string(name) {
		case "op_code":
			f.code, err = Int(value)
		case "study_id":
			f.study, err = Int(value)
		case "trial_id":
			f.trial, err = Int(value)
		case "state":
			f.state, err = Int(value)
		case "step":
			f.step, err = Int(value)
		case "study_name":
			f.name = value
		case "values":
			f.values = value
		case "value", "intermediate_value":
			f.value = value
		case "params":
			f.params = value
		case "user_attr":
			f.userAttr = value
		case "user_attrs":
			f.attrs = value
		case "system_attrs":
			f.system = value
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.do(&f)
}

func (s *State) do(f *fields) error {
	code := Code(f.code)
	switch code {
	case CreateStudy:
		name, err := String(f.name)
		if err != nil {
			return err
		}
		if s.Study(name) == nil {
			s.Studies[s.nextStudy] = &Study{ID: s.nextStudy, Name: name, UserAttrs: Attrs{}}
			s.nextStudy++
		}
		return nil
	case DeleteStudy, SetStudyUserAttr, SetStudySystemAttr, CreateTrial:
		study := s.Studies[int(f.study)]
		if study == nil {
			return nil
		}
		switch code {
		case DeleteStudy:
			delete(s.Studies, study.ID)
		case SetStudyUserAttr:
			return json.Unmarshal(f.userAttr, &study.UserAttrs)
		case CreateTrial:
			return s.create(study, f)
		}
		return nil
	case DiscardTrials:
		return nil
	}
	if code < 0 || code > DiscardTrials {
		return fmt.Errorf("there is no operation %d", code)
	}
	if f.trial < 0 {
		return errors.New("it names no trial")
	}
	if f.trial >= int64(len(s.trials)) || s.trials[f.trial].State.Finished() {
		return nil
	}
	t := s.trials[f.trial]
	t.Version++
	switch code {
	case SetTrialState:
		if f.state < 0 {
			return errors.New("it has no state")
		}
		t.State = TrialState(f.state)
		t.Value = first(f.values, t.Value)
	case SetTrialIntermediate:
		v, err := Number(f.value)
		if err != nil {
			return nil // null, of what is not a number
		}
		for i := range t.Intermediate {
			if t.Intermediate[i].Step == f.step {
				t.Intermediate[i].Value = v
				return nil
			}
		}
		t.Intermediate = append(t.Intermediate, Intermediate{f.step, v})
	case SetTrialUserAttr:
		return Object(f.userAttr, func(name, value []byte) error { s.attr(t, name, value); return nil })
	}
	return nil
}

// attr gives a trial an attribute.
func (s *State) attr(t *Trial, name, value []byte) {
	for i := range t.attrs {
		if a := &t.attrs[i]; a.name == string(name) {
			if s.accept(name, a.value, value) {
				a.value = append(a.value[:0], value...)
			}
			return
		}
	}
	if s.accept(name, nil, value) {
		// Most are written over by longer ones.
		t.attrs = append(t.attrs, attr{string(name), append(make([]byte, 0, 2*len(value)), value...)})
	}
}

// first returns the first of a list of values, or what there is where there is none.
func first(values []byte, otherwise float64) float64 {
	end := bytes.IndexAny(values, ",]")
	if len(values) == 0 || values[0] != '[' || end < 0 {
		return otherwise
	}
	x, err := Number(bytes.TrimSpace(values[1:end]))
	if err != nil {
		return otherwise
	}
	return x
}

func (s *State) create(study *Study, f *fields) error {
	t := &Trial{ID: len(s.trials), Value: first(f.values, math.NaN()), params: bytes.Clone(f.params), system: bytes.Clone(f.system)}
	if f.state >= 0 {
		t.State = TrialState(f.state)
	}
	if f.attrs != nil {
		if err := Object(f.attrs, func(name, value []byte) error { s.attr(t, name, value); return nil }); err != nil {
			return err
		}
	}
	s.trials = append(s.trials, t)
	study.Trials = append(study.Trials, t)
	return nil
}

// Now returns the time as Optuna writes it.
func Now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00") }
