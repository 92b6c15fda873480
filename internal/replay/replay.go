// Package replay sends the rows of a dead letter in again, each at the node that
// refused it.
//
//	replay.go   which rows go where, and what of the file stays
//	source.go   the rows of one node, as a source
package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/format/atomicfile"
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/transforms"
)

// Replay is the rows of a dead letter that can be sent in again.
type Replay struct {
	Path string
	// Rows counts the rows that go in, by node.
	Rows map[string]int64
	// Stay counts the rows that stay, by why: what was never a row can't be one
	// now.
	Stay map[string]int64

	plan *plan.Plan
}

// Open looks through a dead letter for rows of the pipeline's nodes; of the one
// node when it is named.
func Open(p *plan.Plan, path, node string) (*Replay, error) {
	r := &Replay{Path: path, Rows: map[string]int64{}, Stay: map[string]int64{}, plan: p}
	if node != "" && r.node(node) == nil {
		return nil, fmt.Errorf("the pipeline has no node %s", node)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: a replay reads the dead letter twice, and writes it anew. Put the rows into a file", path)
	}
	for line, err := range engine.DeadLetterLines(path) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no dead letter %s: nothing was rejected, or --dead-letter names another file", path)
		}
		if err != nil {
			return nil, err
		}
		if why := r.stays(line, node); why != "" {
			r.Stay[why]++
		} else {
			r.Rows[line.Node]++
		}
	}
	return r, r.check()
}

// stays says why a row stays in the file; empty for one that goes in again.
func (r *Replay) stays(line engine.DeadLetterLine, node string) string {
	at := r.node(line.Node)
	switch {
	case line.Node == "":
		return "the last line is cut short"
	case node != "" && line.Node != node:
		return "other nodes refused them"
	case at == nil:
		return "the pipeline has no " + line.Node
	case at.Kind == plan.Source || len(line.Item) == 0:
		return at.Address + " could not read them as rows: mend its input, and run the pipeline again"
	}
	return ""
}

func (r *Replay) node(address string) *plan.Node {
	i := slices.IndexFunc(r.plan.Nodes, func(n *plan.Node) bool { return n.Address == address })
	if i < 0 {
		return nil
	}
	return r.plan.Nodes[i]
}

// check finds nodes that can't do with some of their rows.
func (r *Replay) check() error {
	var wrong []string
	for _, n := range r.reached() {
		if _, remembers := n.Transform.(transforms.Rememberer); remembers {
			wrong = append(wrong, n.Address+" would see the replayed rows alone")
		}
		if w, ok := n.Sink.(plan.FileWriter); ok && !slices.Contains(w.WritesFiles(), plan.StandardStream) {
			wrong = append(wrong, n.Address+" would replace its file with the replayed rows alone")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("the rows can't be sent in again: %s. Mend what rejected them and run the pipeline again, or name a --node that does not lead there",
		strings.Join(wrong, "; "))
}

// reached is the nodes that rows go in at, and those downstream of them, in the
// plan's order.
func (r *Replay) reached() []*plan.Node {
	var nodes []*plan.Node
	for _, n := range r.plan.Nodes {
		if r.Rows[n.Address] > 0 || slices.ContainsFunc(n.Inputs, func(in plan.Input) bool { return slices.Contains(nodes, in.From) }) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Plan is the part of the pipeline that the rows go through, with a source for
// each node where they go in. What is rejected again goes to a file of its own.
// A plan of a pipeline is changed by it and runs once.
func (r *Replay) Plan() *plan.Plan {
	p := *r.plan
	p.Settings.DeadLetter = r.again()
	p.Settings.MaxRejects = plan.Limit{Percent: 100, IsPercent: true} // they stay in the file
	p.Nodes = nil
	nodes := r.reached()
	for _, n := range nodes {
		n.Inputs = slices.DeleteFunc(n.Inputs, func(in plan.Input) bool { return !slices.Contains(nodes, in.From) })
		if r.Rows[n.Address] == 0 {
			continue
		}
		from := &plan.Node{
			Address: "replay." + n.Address, Kind: plan.Source, Type: "replay", Name: n.Name, Range: n.Range,
			Source: &config{path: r.Path, node: n.Address},
		}
		n.Inputs = append(n.Inputs, plan.Input{From: from})
		p.Nodes = append(p.Nodes, from)
	}
	p.Nodes = append(p.Nodes, nodes...)
	return &p
}

// again is the dead letter of the replay itself.
func (r *Replay) again() string {
	return filepath.Join(filepath.Dir(r.Path), "."+filepath.Base(r.Path)+".replay")
}

// Begin removes what a replay that was killed left.
func (r *Replay) Begin() error {
	if err := os.Remove(r.again()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Settle writes the dead letter anew after a run in which every row ended: what
// succeeded has left it, what was rejected again is there with its new reason,
// and what did not go in stays as it was, last because its last line may be cut
// short. Until then it is not touched.
func (r *Replay) Settle(run, node string) (err error) {
	f, err := atomicfile.Create(r.Path, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	to, left := bufio.NewWriter(f), 0
	for _, from := range []struct {
		path  string
		stays func(engine.DeadLetterLine) bool
	}{
		{r.again(), func(engine.DeadLetterLine) bool { return true }},
		{r.Path, func(line engine.DeadLetterLine) bool { return r.stays(line, node) != "" }},
	} {
		for line, err := range engine.DeadLetterLines(from.path) {
			if errors.Is(err, fs.ErrNotExist) {
				break // nothing was rejected again
			}
			if err != nil {
				return err
			}
			if !from.stays(line) {
				continue
			}
			left++
			if _, err := to.Write(line.Text); err != nil {
				return err
			}
		}
	}
	if err = errors.Join(to.Flush(), f.Finish()); err != nil {
		return err
	}
	if left == 0 {
		err = os.Remove(r.Path)
	} else {
		err = f.Publish()
	}
	return errors.Join(err, r.Begin())
}
