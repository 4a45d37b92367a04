package debias

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/lp"
	"paspo/lp/uniform"
	"paspo/policy"
)

// fitFormat is the version of cached fits. Raise it when the file or the computation of a
// fit changes.
const fitFormat = 2

// fitCache names the file that one fit is cached in. The zero value caches nothing.
type fitCache struct {
	path, key string
}

// fitFile is the content of that file.
type fitFile struct {
	Format int             `json:"format"`
	Key    string          `json:"key"`
	SHA256 string          `json:"sha256"` // of Fit
	Fit    json.RawMessage `json:"fit"`
}

// newFitCache names the file after everything that the fit depends on.
func newFitCache(p *lp.Polytope, method string, cfg Config, seed uint64) (fitCache, error) {
	dir := cfg.CacheDir
	switch dir {
	case "":
		return fitCache{}, nil
	case CacheAuto:
		user, err := os.UserCacheDir()
		if err != nil {
			return fitCache{}, err
		}
		dir = filepath.Join(user, "paspo")
	}
	cfg.Sampler.Workers = 0
	raw, err := json.Marshal(struct {
		Format     int
		Polytope   string
		Entities   []string
		Method     string
		Points     int
		FixedWidth float64
		Sampler    uniform.Config
		Seed       uint64
	}{fitFormat, p.Hash(), p.Entities(), method, cfg.Points, cfg.FixedWidth, cfg.Sampler, seed})
	if err != nil {
		return fitCache{}, err
	}
	key := sum(raw)
	return fitCache{filepath.Join(dir, "debias-"+key[:32]+".json"), key}, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// load returns the cached fit, and nil where there is no file or it is damaged.
func (c fitCache) load(heads int) *policy.Fit {
	if c.path == "" {
		return nil
	}
	raw, err := limits.ReadFile(c.path, limits.Fit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var f *policy.Fit
	if err == nil {
		f, err = c.parse(raw, heads)
	}
	if err != nil {
		slog.Warn("a cached fit is computed again", "file", c.path, "reason", err)
		return nil
	}
	return f
}

func (c fitCache) parse(raw []byte, heads int) (*policy.Fit, error) {
	var file fitFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	switch {
	case file.Format != fitFormat:
		return nil, fmt.Errorf("format %d, not %d", file.Format, fitFormat)
	case file.Key != c.key:
		return nil, errors.New("it is the fit of something else")
	case file.SHA256 != sum(file.Fit):
		return nil, errors.New("its checksum is wrong")
	}
	f := new(policy.Fit)
	if err := json.Unmarshal(file.Fit, f); err != nil {
		return nil, err
	}
	return f, f.Validate(heads)
}

// store writes the fit to a temporary file, syncs it and renames it, so that a
// reader sees all of it or nothing.
func (c fitCache) store(f *policy.Fit) (err error) {
	if c.path == "" {
		return nil
	}
	fit, err := json.Marshal(f)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(fitFile{fitFormat, c.key, sum(fit), fit})
	if err != nil {
		return err
	}
	dir := filepath.Dir(c.path)
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	// Other processes, of other machines too, may be writing here at this moment.
	atomicfile.Sweep(dir, 24*time.Hour)
	return atomicfile.Write(c.path, append(raw, '\n'))
}
