package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/internal/run/config"
)

// program is the name of the process in messages.
var program = "train"

// Main runs the command line of the process and ends it. The problem, nil for none, is added to
// the benchmarks and is the default of --env. Its name is that of its Spec. Where it is an
// envs.Configurable, the section env.options of the configuration holds its options.
func Main(problem envs.Problem) {
	watchParent()
	if name := filepath.Base(os.Args[0]); problem != nil || name == "paspo" { // the command of the Python package
		program = name
	}
	if problem != nil {
		if err := benchmarks.Register(problem); err != nil {
			complain(os.Stderr, err)
			os.Exit(1)
		}
	}
	ctx, stop := stoppable(context.Background())
	defer stop()

	// An environment may end its goroutine (runtime.Goexit): the process must end then too.
	status := make(chan int, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				panic(r) // do not close status, which would end the process with another message
			}
			close(status)
		}()
		status <- run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	}()
	code, ok := <-status
	if !ok {
		complain(os.Stderr, fmt.Errorf("an environment: %w", envs.ErrGoexit))
		code = 1
	}
	os.Exit(code)
}

// run runs one command line and returns the exit status.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	setLog(errs)
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var status *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		if status.err != nil {
			complain(errs, status.err)
		}
		return status.code
	}
	complain(errs, err)
	return 1
}

// exitError ends the process with a status, without a message where err is nil.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// setLog sends log messages to w, without the time.
func setLog(w io.Writer) {
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
}

// noArguments returns an error where there are arguments. It suggests the subcommand with the
// nearest spelling, or one of this name that a subcommand has.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := fmt.Sprintf("unknown command %q", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], program+" "))
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(args[0])
	for _, sub := range cmd.Commands() {
		for _, c := range sub.Commands() {
			if c.Name() == args[0] {
				near = append(near, sub.Name()+" "+c.Name())
			}
		}
	}
	if len(near) > 0 {
		msg += fmt.Sprintf("; did you mean %q?", near[0])
	} else {
		msg += "; see " + cmd.CommandPath() + " --help"
	}
	return errors.New(msg)
}

func unknownFlag(cmd *cobra.Command, name string) error {
	msg := fmt.Sprintf("%s has no flag --%s", cmd.CommandPath(), name)
	for _, sub := range cmd.Commands() {
		if sub.Flags().Lookup(name) != nil {
			return fmt.Errorf("%s: %s has it", msg, sub.CommandPath())
		}
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := config.Nearest(name, known); near != "" {
		return fmt.Errorf("%s; did you mean --%s?", msg, near)
	}
	return fmt.Errorf("%s; see %s --help", msg, cmd.CommandPath())
}

// exactly is cobra.ExactArgs with the names of the arguments in the message.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return fmt.Errorf("%s takes %s; %d given", cmd.CommandPath(), strings.Join(names, " and "), len(args))
	}
}

// flagError adds the allowed values to the error of a flag whose value has another type, and to
// that of an unknown flag the command that has it, or a flag of nearly the same name.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		if args := cmd.Flags().Args(); !cmd.HasParent() && len(args) > 0 {
			return noArguments(cmd, args)
		}
		return unknownFlag(cmd, unknown.GetSpecifiedName())
	}
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	allowed := map[string]string{
		"int": "an integer", "uint64": "an integer from 0 to 18446744073709551615",
		"float64": "a number", "bool": "true or false",
	}
	f := invalid.GetFlag()
	what, ok := allowed[f.Value.Type()]
	if !ok {
		return err
	}
	return fmt.Errorf("--%s is %q: %s is allowed", f.Name, invalid.GetValue(), what)
}
