package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/plan"
)

// Notes of differences whose details could not be had.
const (
	noteOnce    = "the row can't be read a second time to show what it holds: it comes from standard input or a pipe"
	noteChanged = "its row did not come again, so the source has changed meanwhile"
	noteEqual   = "equal when it was looked at again: the source or the table changed meanwhile"
)

// detail looks again at the items that differ and are listed: the pipeline runs
// once more, until their rows have come, and the items are read by their keys.
func (v *verifier) detail(ctx context.Context) error {
	var differing []*Difference
	for i := range v.report.Differences {
		if d := &v.report.Differences[i]; d.Kind == KindDifferent {
			differing = append(differing, d)
		}
	}
	if len(differing) == 0 {
		return nil
	}
	if v.readOnce() {
		for _, d := range differing {
			d.Note = noteOnce
		}
		return nil
	}
	items, err := v.again(ctx, differing)
	if err != nil {
		return err
	}
	for _, d := range differing {
		item := items[d.key]
		if item == nil {
			d.Note = noteChanged
			continue
		}
		if err := v.explain(ctx, d, item); err != nil {
			return err
		}
	}
	return nil
}

// readOnce reports a source that has nothing more to give.
func (v *verifier) readOnce() bool {
	return slices.ContainsFunc(v.Plan.Nodes, func(n *plan.Node) bool {
		source, ok := n.Source.(plan.FileReader)
		return ok && slices.ContainsFunc(source.ReadsFiles(), onlyOnce)
	})
}

// again runs the pipeline until the rows of these differences have come.
func (v *verifier) again(ctx context.Context, differing []*Difference) (map[sum][]byte, error) {
	stop := make(chan struct{})
	w := newWanted(sync.OnceFunc(func() { close(stop) }))
	for _, d := range differing {
		for _, at := range d.wants {
			w.want(d.key, at)
		}
	}
	x := &expected{targets: &v.targets, places: &v.places, sampler: v.sampler, wanted: w}
	_, err := v.engine(ctx, v.withSinks(x), "details", stop)
	return w.items, err
}

// explain says which attributes differ.
func (v *verifier) explain(ctx context.Context, d *Difference, item []byte) error {
	expected, err := parseItem(item)
	if err != nil {
		return err
	}
	stored, err := getItem(ctx, d.owner, d.Key)
	var denied *dynamo.Error
	switch {
	case errors.As(err, &denied):
		d.Note = "the stored item can't be looked at: " + denied.Error()
		return nil
	case err != nil:
		return err
	}
	var actual []attr.Field
	if stored != nil {
		if actual, err = parseItem(stored); err != nil {
			return err
		}
	}
	if d.Attributes = attributes(expected, actual, d.owner.ignored); len(d.Attributes) == 0 {
		d.Note = noteEqual
	}
	return nil
}

// attributes are those that are not equal, by name.
func attributes(expected, actual []attr.Field, ignored map[string]bool) []AttributeDiff {
	both := map[string][2]attr.Value{}
	for side, fields := range [2][]attr.Field{expected, actual} {
		for _, f := range fields {
			pair := both[f.Name]
			pair[side] = f.Value
			both[f.Name] = pair
		}
	}
	var out []AttributeDiff
	for name, pair := range both {
		if !ignored[name] && !attr.Equal(pair[0], pair[1]) {
			out = append(out, AttributeDiff{name, valueText(pair[0]), valueText(pair[1])})
		}
	}
	slices.SortFunc(out, func(a, b AttributeDiff) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// valueText is a value in DynamoDB JSON; null for none.
func valueText(v attr.Value) json.RawMessage {
	if v.Kind() == attr.Absent {
		return json.RawMessage("null")
	}
	return attr.AppendDynamoJSON(nil, v)
}

// getItem is the stored item with a key; nil when there is none.
func getItem(ctx context.Context, t *target, key []byte) ([]byte, error) {
	client, err := t.connection.Client(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	body := attr.AppendJSONString([]byte(`{"ConsistentRead":true,"TableName":`), t.table.Name)
	body = append(append(append(body, `,"Key":`...), key...), '}')
	retry := deliver.DefaultRetry()
	for attempt := 1; ; attempt++ {
		answer, err := client.Call(ctx, "GetItem", body)
		if err == nil {
			var found struct{ Item json.RawMessage }
			err := json.Unmarshal(answer, &found)
			if err != nil {
				err = fmt.Errorf("reading an item of table %s: %w", t.table.Name, err)
			}
			return found.Item, err
		}
		var e *dynamo.Error
		again := errors.As(err, &e) && (e.Class == dynamo.Throttled || e.Class == dynamo.Retryable || e.Class == dynamo.Conflict)
		if !again || attempt >= retry.MaxAttempts {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(retry.Delay(attempt, rand.Float64())):
		}
	}
}
