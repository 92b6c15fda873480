package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Once are the arguments that say that rows are written exactly once.
type Once struct {
	On          bool
	MarkerTable string
	MarkerTTL   time.Duration
}

const (
	defaultMarkerTTL = 7 * 24 * time.Hour
	leastMarkerTTL   = time.Hour // well above the ten minutes of a token
)

// Args declares exactly_once and what goes with it.
func (o *Once) Args(doc string) []schema.Arg {
	o.MarkerTTL = defaultMarkerTTL
	return []schema.Arg{
		schema.Bool("exactly_once", &o.On, doc),
		schema.String("marker_table", &o.MarkerTable,
			"Table, its name or ARN, in which each transaction leaves a marker, by which a repetition is recognised after any pause. Its partition key is a string.").
			DefaultDoc("none: a repetition is recognised for ten minutes"),
		schema.Duration("marker_ttl", &o.MarkerTTL,
			"How long a marker is kept, by the table's time to live: longer than the longest pause between an interruption and a resumption.").
			AtLeast(leastMarkerTTL.Seconds()),
	}
}

// Check finds what does not go together.
func (o *Once) Check(at schema.Ranges) (diags hcl.Diagnostics) {
	report := func(argument, summary, detail string, args ...any) {
		diags = append(diags, diag.Error(at.Of(argument), summary, detail, args...))
	}
	switch {
	case at.Has("marker_table") && !o.On:
		report("marker_table", "A marker of what?", "\"marker_table\" is for exactly_once = true.")
	case at.Has("marker_table") && !ValidTable(o.MarkerTable):
		report("marker_table", "Not a table", "%q is no table: %s.", o.MarkerTable, TableNames)
	case at.Has("marker_ttl") && o.MarkerTable == "":
		report("marker_ttl", "How long what is kept?", "\"marker_ttl\" is how long markers are kept, and there is no \"marker_table\".")
	}
	return diags
}

// Marked reports that transactions leave markers.
func (o *Once) Marked() bool { return o.On && o.MarkerTable != "" }

// MarkerDoc is what the sinks that leave markers say of them.
const MarkerDoc = `Each transaction then puts a marker into that table, on condition that it is not there: a repetition
finds it, changes nothing, and its rows count as written. A marker has an action of its own (a transaction has up to 100) and
takes 2 WCU. It expires by the table's time to live after ` + "`marker_ttl`" + `, which is longer than the longest pause
between an interruption and its resumption. The table's partition key is a string of any name, and so is its sort key, if it has
one; markers may share it with other items. To make one:

` + "```sh" + `
aws dynamodb create-table --table-name markers --billing-mode PAY_PER_REQUEST \
  --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH
aws dynamodb update-time-to-live --table-name markers \
  --time-to-live-specification Enabled=true,AttributeName=expires_at
` + "```" + `

A marker also remembers its rows, and which tables were written. A transaction that comes under the same key with other rows is rejected, and
not taken for written: an ` + "`idempotency_key`" + ` that two rows share, or the place of a row in a scan of a table from which
items were deleted between an interruption and its resumption. For such a scan, choose an ` + "`idempotency_key`" + ` of the row, as its key.`

// Actions is how many actions of a transaction are left beside its marker.
func (o *Once) Actions() int {
	n := deliver.TransactWriteCaps().Items
	if o.Marked() {
		n--
	}
	return n
}

// Guarantee is what a transaction's token and its marker, if there is one, mean.
func (o *Once) Guarantee() (schema.Delivery, string) {
	if o.Marked() {
		return schema.ExactlyOnce, fmt.Sprintf("exactly once: each transaction leaves a marker in table %s, by which a repetition is recognised for %s (marker_ttl)",
			o.MarkerTable, schema.FormatDuration(o.MarkerTTL))
	}
	return schema.AtLeastOnce, "exactly once within 10 minutes of the first attempt, by a token; at least once after a longer pause: " +
		"exactly_once with a marker_table prevents that"
}

// MarkerUse adds the table of markers to a plan's facts, when there is one. What
// can't be asked is a note.
func (s *Settings) MarkerUse(ctx context.Context, f *schema.Facts, o *Once) {
	if !o.Marked() {
		return
	}
	use := schema.TableUse{Name: o.MarkerTable, Use: useWrite, Calls: []string{"DescribeTable", "DescribeTimeToLive", "PutItem"}}
	ctx, cancel := context.WithTimeout(ctx, FactsPatience)
	defer cancel()
	if err := s.describeMarkers(ctx, &use, o); err != nil {
		use.Note = "markers; not looked up: " + err.Error()
	}
	f.Tables = append(f.Tables, use)
	f.Calls = append(f.Calls, "DescribeTimeToLive")
}

func (s *Settings) describeMarkers(ctx context.Context, use *schema.TableUse, o *Once) error {
	client, err := s.Connection.Client(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	t, err := client.Describe(ctx, use.Name)
	if err != nil {
		return err
	}
	use.Keys, use.ARN = keyTexts(t.Keys), t.ARN
	if err := checkMarkerKeys(t); err != nil {
		use.Note = "markers; a run would fail: " + err.Error()
		return nil
	}
	attribute, problem := markerExpiry(ctx, client, use.Name)
	use.Note = fmt.Sprintf("markers, kept for %s by %s", schema.FormatDuration(o.MarkerTTL), attribute)
	if problem != "" {
		use.Note = "markers; " + problem
	}
	return nil
}
