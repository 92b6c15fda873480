package dynamodb

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/sources"
)

// identity is what a run reads. The rest of the request is the pipeline's, and
// the time of skip_expired the run's.
type identity struct {
	Table     string    `json:"table"`
	ARN       string    `json:"arn,omitempty"`
	ID        string    `json:"id,omitempty"` // another one when the table is deleted and created again
	Created   time.Time `json:"created,omitzero"`
	Index     string    `json:"index,omitempty"`
	Operation string    `json:"operation"`
	Segments  int       `json:"segments"`
}

// again is what to do when a run can't be resumed.
const again = "run without --resume to start from the beginning"

func (c *Config) identify(t *dynamo.Table) identity {
	return identity{
		Table: t.Name, ARN: t.ARN, ID: t.ID, Created: t.Created.UTC(),
		Index: c.index, Operation: c.operation(), Segments: c.segmentsFor(t),
	}
}

// Identity implements sources.Resumable.
func (s *source) Identity() (json.RawMessage, error) {
	if s.opaque != nil {
		return nil, s.opaque
	}
	return json.Marshal(s.identity)
}

// opaque is why a run that reads the table could not be resumed; nil when it can be.
func (c *Config) opaque(t *dynamo.Table, paths []dynamo.Path) error {
	switch {
	case len(t.Keys) == 0:
		return fmt.Errorf("a run that reads table %s can't be resumed: without the right to dynamodb:DescribeTable it can't be told whether it is the same table then", t.Name)
	case len(missingKeys(paths, c.keysOf(t))) > 0:
		return fmt.Errorf("a run that reads table %s can't be resumed: the projection has so many attributes that the keys find no place in it, add them", t.Name)
	}
	return nil
}

// resumed is the identity of an earlier run, if the table is still that one.
func (c *Config) resumed(is identity, r *sources.Resume) (identity, error) {
	var was identity
	err := json.Unmarshal(r.Identity, &was)
	switch {
	case err != nil:
	case was.Segments < 1 || was.Segments > maxSegments || was.Operation == "Query" && was.Segments != 1:
		err = fmt.Errorf("%d segments", was.Segments)
	case len(r.Positions) != was.Segments:
		err = fmt.Errorf("%d positions for %d segments", len(r.Positions), was.Segments)
	}
	if err != nil {
		return was, fmt.Errorf("the saved state of the read is damaged: %w; %s", err, again)
	}
	if change := was.change(is); change != "" {
		return was, errors.New(change + ": " + again)
	}
	return was, nil
}

// change is how what is read now is not what was read.
func (was identity) change(is identity) string {
	switch {
	case was.Table != is.Table:
		return fmt.Sprintf("the run to be resumed read table %s, and this is table %s", was.Table, is.Table)
	case was.Index != is.Index || was.Operation != is.Operation:
		return fmt.Sprintf("the run to be resumed read table %s by a %s%s, and this is a %s%s", was.Table, was.Operation, ofIndex(was.Index), is.Operation, ofIndex(is.Index))
	case was.ID != "" && is.ID != "" && was.ID != is.ID, !was.Created.Equal(is.Created):
		return fmt.Sprintf("table %s is not the one that the run to be resumed read: that was created at %s (id %s), this at %s (id %s)",
			was.Table, was.Created.Format(time.RFC3339), was.ID, is.Created.Format(time.RFC3339), is.ID)
	case was.ARN != is.ARN:
		return fmt.Sprintf("table %s is not the one that the run to be resumed read: that was %s, this is %s", was.Table, was.ARN, is.ARN)
	}
	return ""
}

func ofIndex(index string) string {
	if index == "" {
		return ""
	}
	return " of index " + index
}
