package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
)

// Origin is the command and the version of the program that made something.
type Origin struct {
	Command string `json:"command"` // quoted for a shell
	Version string `json:"version"` // with the commit
}

// This returns the origin of this process.
func This() Origin {
	quoted := make([]string, len(os.Args))
	for i, arg := range os.Args {
		quoted[i] = Quote(arg)
	}
	return Origin{strings.Join(quoted, " "), Version() + commit()}
}

// development is the version of a program that was built from sources of no version.
const development = "development"

// Version returns the version of the program.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return development
}

// commit returns ", commit" and the commit that the program was built from, empty where a version
// says what it is.
func commit() string {
	text := ""
	if Version() == development {
		text = ", commit unknown"
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text = ", commit " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			text += " with changes"
		}
	}
	return text
}

// Part describes the part of a training that one process did, one line of CommandsFile.
type Part struct {
	Step int64     `json:"step"` // the step that it began at
	Time time.Time `json:"time"`
	Origin
}

// RecordCommand records that this process trains the run from a step on.
func (f *Folder) RecordCommand(step int64) error {
	line, err := json.Marshal(Part{step, time.Now().UTC().Truncate(time.Second), This()})
	if err != nil {
		return err
	}
	path := f.Path(CommandsFile)
	file, err := atomicfile.Disk().OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
		if e := file.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Cause(err))
	}
	return nil
}

// Parts returns the parts of a training, none where the run has no record. Damaged lines are left
// out.
func Parts(dir string) (all []Part, err error) {
	path := filepath.Join(dir, CommandsFile)
	data, err := limits.ReadFile(path, limits.Metrics)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
	}
	for line := range strings.Lines(string(data)) {
		var p Part
		if json.Unmarshal([]byte(line), &p) == nil {
			all = append(all, p)
		}
	}
	return all, nil
}
