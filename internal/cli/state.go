package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/checkpoint"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/metrics"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/sinks"
)

// The values of --resume.
const (
	resumeYes   = "true"
	resumeForce = "force"
	resumeNo    = "false"
)

// saving is where a run saves how far it has got, and from where it goes on.
type saving struct {
	*app
	plan  *plan.Plan
	store *checkpoint.Store // nil when nothing is saved
	from  *checkpoint.State // nil for a run from the beginning
	force bool
	// rejected, when not nil, is told of each reject.
	rejected func(what string)
	metrics  *metrics.Server // nil when nobody asked for it
}

// openState locks the pipeline's state. Where nobody asked for state, a folder
// that can't be made is no reason not to run.
func (a *app) openState(p *plan.Plan, o *runOptions) (*saving, error) {
	s := &saving{app: a, plan: p, force: o.resume.value == resumeForce}
	folder, asked := p.State.Path, p.State.Asked || o.resume.value != resumeNo
	if o.state != "" {
		folder, asked = o.state, true
	}
	store, err := checkpoint.Open(folder, p.Name, p.Secrets)
	var locked *checkpoint.Locked
	if err != nil && !asked && !errors.As(err, &locked) {
		s.note("this run can't be resumed: " + err.Error())
		return s, nil
	}
	s.store = store
	return s, err
}

// note tells people something on standard error.
func (s *saving) note(text string) {
	s.say(slog.LevelWarn, "Note: ", s.plan.Secrets.Mask(text))
}

// load finds the state to go on from; nil when there is none.
func (s *saving) load() (err error) {
	if s.store == nil {
		return nil
	}
	if s.from, err = s.store.Load(); err != nil {
		return err
	}
	if s.from == nil {
		s.note("no run of this pipeline has left a state in " + s.store.Path() + ": it starts from the beginning")
		if aside, _ := s.store.Aside(); aside != "" {
			s.note("a state was set aside before, when the pipeline was run without --resume. To go on from there, rename " + aside + " to " + s.store.Path())
		}
	}
	return nil
}

// unfinished reports that a run has left a state to go on from, be it a damaged
// one.
func (s *saving) unfinished() bool {
	if s.store == nil {
		return false
	}
	state, err := s.store.Load()
	return state != nil || err != nil
}

// check compares the pipeline with the one that saved the state.
func (s *saving) check() error {
	if s.from == nil {
		return nil
	}
	changes := changes(s.from.Fingerprint, s.plan.Fingerprint)
	switch {
	case len(changes) == 0:
		return nil
	case s.force:
		s.note("the pipeline has changed since its state was saved: " + strings.Join(changes, ", "))
		return nil
	}
	return refuse("Changed pipeline", "The pipeline is not the one whose run was interrupted: %s. Run it without --resume to start from the beginning, "+
		"or with --resume=force to go on all the same: rows that were settled before stay as they are.", strings.Join(changes, ", "))
}

// changes names what differs.
func changes(was, is map[string]string) (list []string) {
	names := slices.Collect(maps.Keys(was))
	for name := range is {
		if _, there := was[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, there := was[name]
		now, still := is[name]
		switch {
		case !there:
			list = append(list, name+" is new")
		case !still:
			list = append(list, name+" is gone")
		case before != now:
			list = append(list, name+" has changed")
		}
	}
	return list
}

// begin sets aside the state of an earlier run, and removes what that has left,
// unless this one goes on from it.
func (s *saving) begin(run string) error {
	if s.store == nil {
		return nil
	}
	defer s.store.Sign(run)
	if s.from != nil {
		return nil
	}
	if err := s.setAside(); err != nil {
		return err
	}
	s.sweep(s.store.Killed())
	return nil
}

// sweep removes unfinished files of a run that was killed before its first
// checkpoint, or after one that nobody goes on from. It has ended: this process
// has its lock.
func (s *saving) sweep(run string) {
	if uuid.Validate(run) != nil {
		return // none, or the file is damaged
	}
	for _, n := range s.plan.Nodes {
		if sink, ok := n.Sink.(sinks.Discarder); ok {
			if err := sink.Sweep(run); err != nil {
				s.note(fmt.Sprintf("unfinished files of a run of %s that was killed are left: %v", n.Address, err))
			}
		}
	}
}

func (s *saving) setAside() error {
	aside, before, err := s.store.SetAside()
	if err != nil || aside == "" {
		return err
	}
	s.discard(before)
	s.note("an earlier run of this pipeline was not finished. Its state is set aside as " + aside + ", and this run starts from the beginning; --resume would have gone on with it")
	return nil
}

// discard removes the unfinished files that a state counts on, which nobody goes
// on from any more.
func (s *saving) discard(state *checkpoint.State) {
	if state == nil {
		return
	}
	for _, n := range s.plan.Nodes {
		sink, ok := n.Sink.(sinks.Discarder)
		if !ok || state.Sinks[n.Address].State == nil {
			continue
		}
		if err := sink.Discard(state.Sinks[n.Address].State); err != nil {
			s.note(fmt.Sprintf("unfinished files of an earlier run of %s are left: %v", n.Address, err))
		}
	}
}

// options is what the engine is told.
func (s *saving) options() *engine.Checkpoints {
	if s.store == nil {
		return nil
	}
	return &engine.Checkpoints{
		Every: s.plan.State.Every, Save: s.store.Save, Fingerprint: s.plan.Fingerprint,
		Resume: s.from, Force: s.force, Notice: s.note,
	}
}

// end removes the state of a run that is done, and unlocks it.
func (s *saving) end(status engine.Status) error {
	if s.store == nil {
		return nil
	}
	var err error
	if status == engine.Done || status == engine.DoneWithRejects {
		err = s.store.Remove()
		if _, before := s.store.Aside(); before != nil {
			s.discard(before)
			err = errors.Join(err, s.store.RemoveAside())
		}
	}
	return errors.Join(err, s.store.Close())
}

// takeUp loads the pipeline again, as of the run that goes on: what is the same
// for all of a run, as timestamp(), is what it was.
func (a *app) takeUp(path string, o *runOptions, s *saving, run *expr.Run) (err error) {
	run.ID, run.Start = s.from.Run, s.from.Started
	if s.plan, _, err = a.load(path, o.inputs, run); err != nil {
		return err
	}
	return s.check()
}
