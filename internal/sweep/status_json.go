package sweep

import (
	"encoding/json"
	"io"
	"strconv"
)

// statusJSON is a status for scripts.
type statusJSON struct {
	Sweep     string        `json:"sweep"`
	Statistic string        `json:"statistic"`
	Ended     bool          `json:"ended"`
	Trainings int           `json:"trainings"`
	Done      int           `json:"done"`
	Failed    int           `json:"failed"`
	GivenUp   int           `json:"given_up"`
	Seconds   float64       `json:"seconds"`
	Best      *int          `json:"best"`
	Running   []sign        `json:"running"`
	Settings  []settingJSON `json:"settings"`
	Report    []settingJSON `json:"report"`
}

type settingJSON struct {
	Number int                        `json:"number"`
	State  string                     `json:"state"`
	Value  *float64                   `json:"value"`
	Params map[string]json.RawMessage `json:"params"`
	Seeds  map[string]*Record         `json:"seeds"` // null for one that has not begun
}

// WriteJSON writes a status for scripts.
func (w *Sweep) WriteJSON(out io.Writer, s *Status) error {
	x := statusJSON{
		Sweep: w.Dir, Statistic: w.Spec.Objective.Statistic, Ended: s.Ended(),
		Trainings: s.Trainings, Done: s.Done, Failed: s.Failed, GivenUp: s.GivenUp, Seconds: s.Seconds,
		Running:  append([]sign{}, s.Running...),
		Settings: w.settingsJSON(s.Settings, w.Spec.Seeds), Report: w.settingsJSON(s.Report, w.Spec.Report.Seeds),
	}
	if s.Best >= 0 {
		x.Best = &s.Settings[s.Best].Number
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(x)
}

func (w *Sweep) settingsJSON(all []Setting, seeds []uint64) []settingJSON {
	out := []settingJSON{}
	for _, s := range all {
		x := settingJSON{Number: s.Number, State: s.State.String(), Value: finite(s.Value), Params: map[string]json.RawMessage{}, Seeds: map[string]*Record{}}
		for i := range w.Spec.Space {
			d := &w.Spec.Space[i]
			var v any = s.Point[i]
			if d.Choices != nil {
				v = d.Choices[int(s.Point[i])].Plain
			}
			x.Params[d.Key] = marshal(v)
		}
		for i, seed := range seeds {
			x.Seeds[strconv.FormatUint(seed, 10)] = s.Records[i]
		}
		out = append(out, x)
	}
	return out
}
