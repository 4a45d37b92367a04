package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"paspo/envs/benchmarks"
	"paspo/internal/arrays"
	"paspo/internal/prices"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/internal/run/runfolder"
	"paspo/internal/run/serve"
	"paspo/internal/setting"
	"paspo/internal/walkforward"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/uniform"
)

func newConstraints() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "constraints",
		Short: "Look at constraints: show, check, bounds, sample, project, serve",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.New("constraints takes one of show, check, bounds, sample, project, serve; see " + program + " constraints --help")
		},
	}
	cmd.AddCommand(newShow(), newCheck(), newBounds(), newSample(), newProject(), newServe())
	return cmd
}

// polytopeFlags choose a polytope.
type polytopeFlags struct {
	entities int
	prices   string
}

func (f *polytopeFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.entities, "entities", 0, "number of entities of the preset unconstrained")
	cmd.Flags().Var((*pathFlag)(&f.prices), "prices", "take the entities from this file of `PRICES`, as "+program+" portfolio does")
}

// presets returns the names of presets, and of environments with constraints of their own.
func presets() []string {
	names := constraints.PresetNames()
	for _, name := range benchmarks.AllNames() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// read returns the polytope of a preset, an environment, a run or a file.
func (f *polytopeFlags) read(name string) (*lp.Polytope, error) {
	if f.prices == "" && slices.Contains(constraints.PresetNames(), name) {
		return constraints.Preset(name, f.entities)
	}
	if f.entities != 0 {
		return nil, errors.New("--entities is for the preset unconstrained: a file, a run and an environment have their own")
	}
	if f.prices == "" && runfolder.IsRun(name) {
		return agent.Polytope(name)
	}
	if f.prices == "" && slices.Contains(benchmarks.AllNames(), name) {
		c := benchmarks.DefaultConfig()
		c.Name = name
		p, err := benchmarks.New(c, nil)
		if err != nil {
			return nil, err
		}
		return p.Spec().Polytope, nil
	}
	p, err := f.readFile(name)
	if err != nil && !strings.ContainsAny(name, "./") {
		return nil, fmt.Errorf("%w; the presets are %s", err, strings.Join(presets(), ", "))
	}
	if err != nil {
		return nil, err
	}
	warnOf(name, p.Warnings(), constraints.Percentages(p))
	return p, nil
}

// warnOf logs warnings about a valid file of constraints.
func warnOf(file string, all ...[]string) {
	for _, w := range slices.Concat(all...) {
		slog.Warn(w, "constraints", file)
	}
}

func (f *polytopeFlags) readFile(name string) (*lp.Polytope, error) {
	if f.prices == "" {
		p, err := constraints.ReadFile(name)
		if err != nil && errors.Is(err, constraints.ErrNoEntities) {
			err = fmt.Errorf("%w, or name a file of prices, whose tickers they are, by --prices", err)
		}
		return p, err
	}
	// Only the tickers are used, so that faulty prices are no error here.
	t, wrong, err := prices.Read(f.prices, prices.Options{Repair: prices.Kinds(), JumpShare: prices.DefaultOptions().JumpShare, AnyColumn: true})
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		slog.Warn("train portfolio refuses these prices: " + (&prices.Error{Name: f.prices, Problems: wrong}).Error())
	}
	return walkforward.ReadLimits(name, t)
}

func newShow() *cobra.Command {
	var f polytopeFlags
	cmd := &cobra.Command{
		Use:   "show PRESET|ENVIRONMENT|RUN|FILE",
		Short: "Print a preset as YAML to edit",
		Long:  "Print a preset (portfolio, compute, synthetic or unconstrained), or the constraints of an environment or of a run (its folder), as a constraints file to edit. A file is printed in the same form.",
		Args:  exactly("a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := f.read(args[0])
			if err != nil {
				return err
			}
			return constraints.Write(cmd.OutOrStdout(), p)
		},
	}
	f.add(cmd)
	return cmd
}

func newBounds() *cobra.Command {
	var f polytopeFlags
	c := interval.DefaultConfig()
	cmd := &cobra.Command{
		Use:   "bounds FILE|PRESET",
		Short: "Answer prefixes of allocations with the interval of the next entity",
		Long: `Read prefixes of allocations as JSON lines, [] or [0.1, 0.2], and answer each with
the interval of the next entity, {"lo":..,"hi":..}.

A prefix that breaks the constraints by at most the tolerance (scaled) is answered
for limits relaxed by as much. A prefix that breaks them by more gets {"error":..}.
So does a line that is not a prefix, and then the exit status is 1.`,
		Args: exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setting.First(
				setting.Choice("--solver", c.Method, interval.Methods()...),
				setting.Float("--tol", c.Tolerance, setting.Span{Lo: 0, Hi: 0.1}),
			); err != nil {
				return err
			}
			p, err := f.read(args[0])
			if err != nil {
				return err
			}
			c.Workers = 1
			if c.Tolerance == 0 {
				c.Tolerance = math.SmallestNonzeroFloat64 // 0 stands for the default
			}
			s, reason, err := newSolver(cmd.Context(), p, c, c.Method)
			if err != nil {
				return err
			}
			defer s.Close()
			if reason != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s; intervals by %s\n", program, strings.TrimPrefix(reason.Error(), "lp: "), s.Method())
			}
			return answer(cmd, "prefixes", serve.Each(serve.Intervals(p, s.Chain(1))))
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&c.Method, "solver", c.Method, "how intervals are computed: auto, clp, explicit or lazy; explicit becomes lazy where it exceeds its budget")
	cmd.Flags().Float64Var(&c.Tolerance, "tol", c.Tolerance, "largest violation (scaled) of a prefix that is answered")
	return cmd
}

// newSolver returns a solver by the given method. Where the method is explicit and exceeds its
// budget, reason says so and the solver uses warm-start bases, or else CLP.
func newSolver(ctx context.Context, p *lp.Polytope, c interval.Config, method string) (s lp.Solver, reason, err error) {
	c.Method = method
	s, err = interval.NewContext(ctx, p, c)
	var over *lp.BudgetError
	if method != "explicit" || !errors.As(err, &over) {
		return s, nil, err
	}
	c.Method = "lazy"
	var lazyOver *lp.BudgetError
	if s, err = interval.NewContext(ctx, p, c); errors.As(err, &lazyOver) {
		c.Method = "clp"
		s, err = interval.NewContext(ctx, p, c)
	}
	return s, over, err
}

// sampleChunk is the number of points that are drawn at a time.
const sampleChunk = 100_000

func newSample() *cobra.Command {
	var f polytopeFlags
	var n int
	c := uniform.DefaultConfig()
	c.Seed = 1
	cmd := &cobra.Command{
		Use:   "sample FILE|PRESET -n N",
		Short: "Print uniform points as JSON lines",
		Args:  exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 {
				return fmt.Errorf("-n is %d: an integer of at least 1 is allowed", n)
			}
			if err := c.Validate(); err != nil {
				return fmt.Errorf("--%s", strings.TrimPrefix(err.Error(), "sampler."))
			}
			p, err := f.read(args[0])
			if err != nil {
				return err
			}
			s, err := uniform.New(p, c)
			if err != nil {
				return err
			}
			stream := rng.New(c.Seed, "sample")
			out := json.NewEncoder(cmd.OutOrStdout())
			for done := 0; done < n; done += sampleChunk {
				if cmd.Context().Err() != nil {
					return interruption(cmd.Context())
				}
				points, report, err := s.Sample(min(sampleChunk, n-done), stream.Split(uint64(done/sampleChunk)))
				if err != nil {
					return err
				}
				if done == 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "%v\n", report)
				}
				for row := range slices.Chunk(points, p.Dim()) {
					if err := out.Encode(row); err != nil {
						return fmt.Errorf("writing points: %w", err)
					}
				}
			}
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().IntVarP(&n, "number", "n", 1, "number of points")
	cmd.Flags().Uint64Var(&c.Seed, "seed", c.Seed, "seed of the points")
	cmd.Flags().StringVar(&c.Method, "method", c.Method, "auto, rejection or hit-and-run")
	return cmd
}

func newServe() *cobra.Command {
	var f polytopeFlags
	return &cobra.Command{
		Use:   "serve FILE",
		Short: "Answer batches of numbers, for programs",
		Long: `Answer requests for a polytope until the input ends, for programs such as the Python
package. A request is a line {"op":..,"rows":R,"cols":C,"seed":S} and then R*C numbers,
little-endian float64; so is an answer, or a line {"error":..} with nothing after it.

  describe   answers with entities, rows, bounds and pieces of the closed form in the line
  intervals  takes prefixes of C entities; answers with the endpoints of the interval of
             the next entity, R x 2
  project    takes points with magnitudes up to a million times those of the polytope;
             answers with the closest allocations, R x n
  check      takes points; answers with the largest residual of each, R x 1
  sample     takes no numbers; answers with R uniform points by the seed, R x n`,
		Args: exactly("a constraints file or a preset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := f.read(args[0])
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return orInterruption(ctx, arrays.Serve(ctx, p, cmd.InOrStdin(), cmd.OutOrStdout()))
		},
	}
}
