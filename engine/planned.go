package engine

import (
	"fmt"
	"time"

	"github.com/dynapipe/dynapipe/internal/figures"
)

// PlanReport is what was planned of a run, beside what it did.
type PlanReport struct {
	Made    time.Time `json:"made" doc:"When the plan was made."`
	Sampled int64     `json:"sampled" doc:"Rows of each source that the plan looked at, at most."`
	// Figures are in the order of nodes.
	Figures []PlannedFigure `json:"figures" doc:"What was planned, and what was: rows of each node, and of a run that was not resumed its requests and units."`
}

// PlannedFigure is one number of a plan, and of the run.
type PlannedFigure struct {
	Node    string   `json:"node" doc:"The node's address; empty for the run."`
	What    string   `json:"what" values:"rows_in rows_out rejected bytes_read requests read_units write_units seconds" doc:"What is counted."`
	Table   string   `json:"table,omitempty" doc:"The table, of units."`
	Index   string   `json:"index,omitempty" doc:"Its index, of units."`
	Planned float64  `json:"planned" doc:"The figure of the plan, 0 where that had none."`
	Unknown string   `json:"unknown,omitempty" doc:"Why the plan had none."`
	Bound   string   `json:"bound,omitempty" values:"at_least at_most" doc:"The plan only had a bound."`
	Actual  float64  `json:"actual" doc:"What it was."`
	Off     *float64 `json:"off_percent,omitempty" doc:"By how many percent of the plan it was more, or less when negative; not of a plan of 0."`
}

// Title says in words what is counted.
func (f PlannedFigure) Title() string {
	where := "table " + f.Table
	if f.Index != "" {
		where = "index " + f.Index + " of " + where
	}
	switch f.What {
	case "rows_in":
		return f.Node + ": rows in"
	case "rows_out":
		return f.Node + ": rows"
	case "bytes_read":
		return f.Node + ": bytes read"
	case "read_units":
		return f.Node + ": RCU of " + where
	case "write_units":
		return f.Node + ": WCU of " + where
	case "seconds":
		return "seconds"
	}
	return f.Node + ": " + f.What
}

// PlannedText is what was planned, for people.
func (f PlannedFigure) PlannedText() string {
	switch {
	case f.Unknown != "":
		return "not known"
	case f.Bound == "at_least":
		return "at least " + f.Text(f.Planned)
	case f.Bound == "at_most":
		return "at most " + f.Text(f.Planned)
	}
	return f.Text(f.Planned)
}

// Text is a number of what is counted, for people.
func (f PlannedFigure) Text(n float64) string {
	if f.What == "seconds" {
		return figures.Seconds(n)
	}
	return figures.Units(n)
}

// OffText is how far the plan was off, for people.
func (f PlannedFigure) OffText() string {
	if f.Off == nil {
		return "-"
	}
	return fmt.Sprintf("%+.1f %%", *f.Off)
}
