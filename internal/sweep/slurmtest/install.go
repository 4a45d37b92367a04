package slurmtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"paspo/internal/checkout"
)

// programs are those of Slurm and munge, which authenticates them.
type programs struct {
	path    string // of executables, as in PATH
	library string // as in LD_LIBRARY_PATH, empty where they are installed
	plugins string // folder, empty where they are installed
	stepd   string // of slurmd, empty where it is installed
}

// install returns the programs: those of the machine, or else those of Debian's packages,
// unpacked into the checkout's cache, so that the machine stays as it is.
func install() (*programs, error) {
	sbin := "/usr/sbin:/sbin"
	if all(filepath.SplitList(os.Getenv("PATH") + ":" + sbin)) {
		return &programs{path: os.Getenv("PATH") + ":" + sbin}, nil
	}
	root, err := checkout.Cache("slurm")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(root); err != nil {
		if err := unpack(root); err != nil {
			return nil, err
		}
	}
	plugins, err := checkout.Files(root, "usr/lib/*/slurm-wlm")
	if err != nil || len(plugins) != 1 {
		return nil, fmt.Errorf("%s has no plugins of Slurm: %v", root, err)
	}
	return &programs{
		path:    filepath.Join(root, "usr/bin") + ":" + filepath.Join(root, "usr/sbin") + ":" + os.Getenv("PATH"),
		library: plugins[0] + ":" + filepath.Dir(plugins[0]),
		plugins: plugins[0], stepd: filepath.Join(root, "usr/sbin/slurmstepd"),
	}, nil
}

// all says whether some folders have all that is needed.
func all(folders []string) bool {
	for _, name := range []string{"munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "squeue"} {
		found := false
		for _, dir := range folders {
			info, err := os.Stat(filepath.Join(dir, name))
			found = found || err == nil && info.Mode().IsRegular()
		}
		if !found {
			return false
		}
	}
	return true
}

var installed = regexp.MustCompile(`(?m)^Inst (\S+)`)

// unpack makes a folder of the packages that apt would install.
func unpack(root string) error {
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(root), "slurm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	in := func(dir, name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
		return string(out), nil
	}
	plan, err := in(work, "apt-get", "-s", "--no-install-recommends", "install", "slurm-wlm", "munge")
	if err != nil {
		return err
	}
	args := []string{"download"}
	for _, m := range installed.FindAllStringSubmatch(plan, -1) {
		args = append(args, m[1])
	}
	if _, err := in(work, "apt-get", args...); err != nil {
		return err
	}
	packages, err := checkout.Files(work, "*.deb")
	if err != nil {
		return err
	}
	for _, p := range packages {
		if _, err := in(work, "dpkg", "-x", p, "root"); err != nil {
			return err
		}
	}
	// Installing them would make these names.
	for _, name := range []string{"slurmctld", "slurmd", "slurmstepd"} {
		if err := os.Symlink(name+"-wlm", filepath.Join(work, "root/usr/sbin", name)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return os.Rename(filepath.Join(work, "root"), root)
}
