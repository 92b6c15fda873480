package delivery

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Settings are the arguments that say how rows are delivered, the same for
// every component that writes to DynamoDB.
type Settings struct {
	Connection    *dynamo.Connection
	Concurrency   int
	WriteCapacity string
	Retry         *Retry
}

// Retry is a decoded retry block.
type Retry struct{ deliver.Retry }

// ConnectionArg declares connection.
func (s *Settings) ConnectionArg() schema.Arg {
	return schema.Ref("connection", "connection.dynamodb", &s.Connection, "How to reach DynamoDB.").
		DefaultDoc("the AWS SDK's own chain")
}

// ConcurrencyArg declares concurrency.
func (s *Settings) ConcurrencyArg() schema.Arg {
	return schema.Int("concurrency", &s.Concurrency, "Requests in flight at most. How many there are is found by itself, by what the table takes.").
		DefaultDoc(strconv.Itoa(deliver.DefaultConcurrency)).AtLeast(1)
}

// WriteCapacityArg declares write_capacity.
func (s *Settings) WriteCapacityArg() schema.Arg {
	return schema.String("write_capacity", &s.WriteCapacity,
		"Capacity units that may be spent in any second, on all tables and their indexes together, or a percentage of a provisioned table's, as `\"50%\"`. A request larger than that goes alone.").
		DefaultDoc("no budget").Unit("WCU per second")
}

// RetryBlock declares the retry block, whose target stays nil without one.
func RetryBlock(target **Retry) schema.Nested { return schema.Optional("retry", target, declareRetry) }

func declareRetry(r *Retry) schema.Block {
	r.Retry = deliver.DefaultRetry()
	return schema.Block{
		Summary: "When and how often requests are repeated. Throttled and unprocessed rows use up no attempts.",
		Example: retryExample,
		Args: []schema.Arg{
			schema.Int("max_attempts", &r.MaxAttempts, "How often one request may fail before the run does.").AtLeast(1),
			schema.Duration("base_delay", &r.BaseDelay, "Upper bound of the first wait; every wait is a random part of its bound.").AtLeast(0.001),
			schema.Duration("max_delay", &r.MaxDelay, "Bound that no wait exceeds.").AtLeast(0.001),
			schema.Float("backoff_factor", &r.Factor, "What the bound is multiplied with after each failure.").AtLeast(1),
			schema.Bool("retry_unprocessed", &r.Unprocessed, "Whether rows that DynamoDB gives back unprocessed are sent again. Otherwise they are rejected."),
			schema.Duration("deadline", &r.Deadline,
				"Time from the first attempt after which a row is not tried again: a throttled or unprocessed row is rejected then, a request that fails otherwise fails the run.").
				DefaultDoc("none"),
		},
		Check: func(at schema.Ranges) hcl.Diagnostics {
			if at.Has("deadline") && r.Deadline < time.Millisecond {
				return hcl.Diagnostics{diag.Error(at.Of("deadline"), "No time to try", "A deadline of %v leaves no time for an attempt. Leave it out to have none.", r.Deadline)}
			}
			return nil
		},
	}
}

// Policy is the retry block's, or the default.
func (r *Retry) Policy() deliver.Retry {
	if r == nil {
		return deliver.DefaultRetry()
	}
	return r.Retry
}

// CheckBudget checks write_capacity. A percentage is of one table that is known
// beforehand.
func (s *Settings) CheckBudget(at schema.Ranges, oneTable bool) hcl.Diagnostics {
	switch b, err := parseBudget(s.WriteCapacity); {
	case err != "":
		return hcl.Diagnostics{diag.Error(at.Of("write_capacity"), "Not a budget",
			"\"write_capacity\" takes a number of units per second above zero, or a percentage up to \"100%%\"; %s.", err)}
	case b.percent && !oneTable:
		return hcl.Diagnostics{diag.Error(at.Of("write_capacity"), "Percentage of what?",
			"The table is only known row by row. Write a number of units per second.")}
	}
	return nil
}

// Budget is write_capacity in units per second; 0 is none. A percentage is that
// of the table.
func (s *Settings) Budget(ctx context.Context, client *dynamo.Client, table string) (float64, error) {
	b, _ := parseBudget(s.WriteCapacity) // checked when it was decoded
	if !b.percent {
		return b.value, nil
	}
	t, err := client.Describe(ctx, table)
	if err != nil {
		return 0, err
	}
	if t.Billing != dynamo.BillingProvisioned {
		return 0, fmt.Errorf("write_capacity = %q is a part of a provisioned table's capacity, and table %s is on demand: write a number of units per second",
			s.WriteCapacity, table)
	}
	return float64(t.ProvisionedWrite) * b.value / 100, nil
}

// budget is a decoded write_capacity: units, or percent of a table's.
type budget struct {
	value   float64
	percent bool
}

func parseBudget(text string) (b budget, problem string) {
	if text == "" {
		return b, ""
	}
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	switch {
	case err != nil:
		return b, strconv.Quote(text) + " is neither"
	case !(value > 0) || math.IsInf(value, 0) || percent && value > 100:
		return b, text + " is out of range"
	}
	return budget{value: value, percent: percent}, ""
}
