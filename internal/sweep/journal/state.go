package journal

import (
	"encoding/json"
	"errors"
	"fmt"
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

	UserAttr   Attrs `json:"user_attr,omitempty"`
	SystemAttr Attrs `json:"system_attr,omitempty"`

	ParamName     string   `json:"param_name,omitempty"`
	ParamInternal *float64 `json:"param_value_internal,omitempty"`
	Distribution  string   `json:"distribution,omitempty"`
}

// Study is a set of trials.
type Study struct {
	ID          int
	Name        string
	UserAttrs   Attrs
	SystemAttrs Attrs
	Trials      []*Trial // in order of their numbers
}

// Trial is a point of a space and what came of it.
type Trial struct {
	ID, Number    int
	State         TrialState
	Start, End    string
	Value         *float64
	Params        map[string]float64
	Distributions map[string]string
	UserAttrs     Attrs
	SystemAttrs   Attrs
	Intermediate  map[int64]float64
	Intermediates []int64 // their steps, in the order in which they came
	study         *Study
}

// Accept says whether an attribute of a trial may take the place of one before it, which
// is nil where there was none. Whoever writes an attribute can so see whether another
// process was first.
type Accept func(key string, before, after json.RawMessage) bool

// State is what the operations of a journal come to, as Optuna replays them.
type State struct {
	Studies map[int]*Study

	trials    []*Trial // of all studies
	nextStudy int
	accept    Accept
}

func newState(accept Accept) *State {
	if accept == nil {
		accept = func(string, json.RawMessage, json.RawMessage) bool { return true }
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

func (s *State) apply(line []byte) error {
	var op Op
	if err := json.Unmarshal(line, &op); err != nil {
		return err
	}
	return s.do(&op)
}

func (s *State) do(op *Op) error {
	switch op.Code {
	case CreateStudy:
		if s.Study(op.StudyName) == nil {
			s.Studies[s.nextStudy] = &Study{ID: s.nextStudy, Name: op.StudyName, UserAttrs: Attrs{}, SystemAttrs: Attrs{}}
			s.nextStudy++
		}
		return nil
	case DiscardTrials:
		return nil
	case DeleteStudy, SetStudyUserAttr, SetStudySystemAttr, CreateTrial:
		if op.Study == nil {
			return errors.New("it names no study")
		}
		t := s.Studies[*op.Study]
		if t == nil {
			return nil
		}
		switch op.Code {
		case DeleteStudy:
			delete(s.Studies, t.ID)
		case SetStudyUserAttr:
			merge(t.UserAttrs, op.UserAttr)
		case SetStudySystemAttr:
			merge(t.SystemAttrs, op.SystemAttr)
		case CreateTrial:
			s.create(t, op)
		}
		return nil
	}
	if op.Code < 0 || op.Code > DiscardTrials {
		return fmt.Errorf("there is no operation %d", op.Code)
	}
	if op.Trial == nil {
		return errors.New("it names no trial")
	}
	if *op.Trial < 0 || *op.Trial >= len(s.trials) || s.trials[*op.Trial].State.Finished() {
		return nil
	}
	t := s.trials[*op.Trial]
	switch op.Code {
	case SetTrialParam:
		if op.ParamInternal == nil {
			return errors.New("it has no value")
		}
		t.Params[op.ParamName], t.Distributions[op.ParamName] = *op.ParamInternal, op.Distribution
	case SetTrialState:
		if op.State == nil {
			return errors.New("it has no state")
		}
		t.State = *op.State
		if op.DatetimeComplete != "" {
			t.End = op.DatetimeComplete
		}
		if op.Values != nil && len(*op.Values) > 0 {
			t.Value = &(*op.Values)[0]
		}
	case SetTrialIntermediate:
		if op.Step != nil && op.IntermediateValue != nil {
			t.intermediate(*op.Step, *op.IntermediateValue)
		}
	case SetTrialUserAttr:
		for k, v := range op.UserAttr {
			if s.accept(k, t.UserAttrs[k], v) {
				t.UserAttrs[k] = v
			}
		}
	case SetTrialSystemAttr:
		merge(t.SystemAttrs, op.SystemAttr)
	}
	return nil
}

func (s *State) create(study *Study, op *Op) {
	t := &Trial{
		ID: len(s.trials), Number: len(study.Trials), Start: op.DatetimeStart, End: op.DatetimeComplete,
		Params: map[string]float64{}, Distributions: map[string]string{}, UserAttrs: Attrs{}, SystemAttrs: Attrs{},
		Intermediate: map[int64]float64{}, study: study,
	}
	if op.State != nil {
		t.State = *op.State
	}
	for k, v := range op.Params {
		t.Params[k] = v
	}
	for k, v := range op.Distributions {
		t.Distributions[k] = v
	}
	merge(t.UserAttrs, op.UserAttrs)
	merge(t.SystemAttrs, op.SystemAttrs)
	if op.Values != nil && len(*op.Values) > 0 {
		t.Value = &(*op.Values)[0]
	}
	s.trials = append(s.trials, t)
	study.Trials = append(study.Trials, t)
}

func (t *Trial) intermediate(step int64, v float64) {
	if _, again := t.Intermediate[step]; !again {
		t.Intermediates = append(t.Intermediates, step)
	}
	t.Intermediate[step] = v
}

func merge(to, from Attrs) {
	for k, v := range from {
		to[k] = v
	}
}

// Now returns the time as Optuna writes it.
func Now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00") }
