package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"paspo/internal/atomicfile"
	"paspo/rl"
)

// kept is a folder with every training that an experiment has done, so that one
// that was interrupted goes on where it was. Its zero value keeps nothing.
type kept struct{ dir string }

// program is the hash of this executable: what another one trained may differ.
var program = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})

// name returns the path, without its ending, of a training. It stands for all that
// the numbers depend on.
func (k kept) name(t *task, s setting, seed uint64, steps int64) (string, error) {
	if k.dir == "" {
		return "", nil
	}
	exe, err := program()
	if err != nil {
		return "", err
	}
	c := *s.Config
	c.Seed, c.Steps = seed, steps
	var text bytes.Buffer
	if err := c.Write(&text); err != nil {
		return "", err
	}
	spec := t.problem.Spec()
	key := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%t %d %d", exe, t.what, spec.Polytope.Hash(), text.Bytes(), s.plain, t.episodes, t.curveEpisodes))
	return filepath.Join(k.dir, fmt.Sprintf("%s-%d-%s", spec.Name, seed, hex.EncodeToString(key[:8]))), nil
}

// load returns a training that has been done, nil where it has not.
func (k kept) load(name string) (*run, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &run{saved: name + ".safetensors"}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s.json: %w: remove it", name, err)
	}
	return r, nil
}

// save keeps a training and its last policy.
func (k kept) save(name string, r *run, c *rl.Checkpoint) error {
	if name == "" {
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	r.saved = name + ".safetensors"
	if err := c.WriteFile(r.saved); err != nil {
		return err
	}
	return atomicfile.Write(name+".json", data)
}
