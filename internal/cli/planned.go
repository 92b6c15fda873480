package cli

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/estimate"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// planDocument is what plan --output json has written.
type planDocument struct {
	Format  int    `json:"format_version"`
	Command string `json:"command"`
	plan.View
}

// loadPlan reads a plan that a run is to be compared with; nil without a path.
// again loads the run's pipeline as it would have been at another time: timestamp()
// gave something else when the plan was made.
func loadPlan(path string, p *plan.Plan, again func(time.Time) (*plan.Plan, error)) (*plan.View, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, refuse("Not a plan", "--plan %s: %v.", path, err)
	}
	var doc planDocument
	const how = "`dynapipe plan --output json` writes one"
	switch err := json.Unmarshal(text, &doc); {
	case err != nil:
		return nil, refuse("Not a plan", "--plan %s is no JSON document: %v; %s.", path, err, how)
	case doc.Command != "plan":
		return nil, refuse("Not a plan", "--plan %s is no plan; %s.", path, how)
	case doc.Format != formatVersion:
		return nil, refuse("Not a plan", "--plan %s has the format %d, and this version of dynapipe knows format %d: make it again.", path, doc.Format, formatVersion)
	case doc.Sampling == nil:
		return nil, refuse("Not a plan", "--plan %s has no figures: it was made with --sample 0, or failed.", path)
	}
	changed := changes(doc.Fingerprint, p.Fingerprint)
	if len(changed) > 0 {
		if then, err := again(doc.Made); err == nil {
			changed = changes(doc.Fingerprint, then.Fingerprint)
		}
	}
	if len(changed) > 0 {
		return nil, refuse("Plan of another pipeline", "--plan %s was made of another pipeline, or of another state of this one: %s. Make it again, with the same values of variables.",
			path, strings.Join(changed, ", "))
	}
	return &doc.View, nil
}

// compare adds to a report how far the plan was off.
func compare(v *plan.View, r *engine.Report) {
	if v != nil {
		r.Plan = estimate.Compare(v, r)
	}
}

// plan says how far the plan was off, for people: of each node what leaves it, and
// what it asked of services.
func (s *summary) plan(r *engine.Report) {
	if r.Plan == nil {
		return
	}
	lines := [][]string{{"against the plan", "planned", "was", "off"}}
	for _, f := range r.Plan.Figures {
		if f.What == "rows_in" {
			continue // it left the node before
		}
		lines = append(lines, []string{f.Title(), f.PlannedText(), f.Text(f.Actual), f.OffText()})
	}
	s.WriteByte('\n')
	s.table(lines)
}
