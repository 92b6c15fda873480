package transaction

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
	"github.com/dynapipe/dynapipe/internal/sinktest"
	"github.com/dynapipe/dynapipe/sinks"
)

// sent notes the transactions that pass a proxy: of each token, the keys that it
// writes.
type sent struct {
	mu     sync.Mutex
	tokens map[string]string
}

var (
	tokenText = regexp.MustCompile(`"ClientRequestToken":"([^"]*)"`)
	keyText   = regexp.MustCompile(`"pk":\{"S":"([^"]*)"\}`)
)

func (s *sent) note(_ *rand.Rand, r *faultproxy.Request) *faultproxy.Fault {
	if r.Operation != "TransactWriteItems" {
		return nil
	}
	var keys []string
	for _, m := range keyText.FindAllSubmatch(r.Body, -1) {
		keys = append(keys, string(m[1]))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens == nil {
		s.tokens = map[string]string{}
	}
	s.tokens[string(tokenText.FindSubmatch(r.Body)[1])] = strings.Join(keys, " ")
	return nil
}

// A run that goes on makes of the rows that were held, and of those to come, the
// group that there would have been, with its token (promise 5).
func TestHeldRows(t *testing.T) {
	server := dynamotest.Start(t)
	for name, body := range map[string]string{
		"puts":    "put {\ntable = %q\n}\n",
		"updates": "update {\ntable = %q\nkey = { pk = row.pk }\nset = { g = row.g }\n}\n",
		"by key":  "idempotency_key = row.pk\nput {\ntable = %q\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			table := server.CreateTable(t, dynamotest.S("pk"))
			config := func(s *sent) sinks.Config {
				_, url := sinktest.StartProxy(t, server, faultproxy.Config{Deciders: []faultproxy.Decider{s.note}})
				return sinktest.Configure(t, New, server, url, fmt.Sprintf(body+"group_by = row.g", table))
			}
			rows := grouped(40, func(i int) int { return i / 10 })
			rows[23] = `{"pk":{"S":"k23"},"g":{"N":"2"},"n":{"N":"1.50"},"none":{"NULL":true},"m":{"M":{"s":{"SS":["x"]},"b":{"B":"AQI="}}}}`
			var whole, parts sent
			run := sinktest.Process{Run: "run-" + name, Ending: sinks.EndOfInput, Batch: 7}
			o, err := run.Write(t.Context(), t, config(&whole), rows...)
			if err != nil {
				t.Fatal(err)
			}
			o.Want(t, 40, 0, 0)

			// It goes on from within a group, twice, and the group from what was held.
			next := sinktest.Process{Run: run.Run, Ending: sinks.Stopped, Batch: 7}
			written, partly := int64(0), config(&parts)
			for _, upTo := range []int{23, 26, 40} {
				if upTo == 40 {
					next.Ending = sinks.EndOfInput
				}
				o, err := next.Write(t.Context(), t, partly, rows[:upTo]...)
				if err != nil {
					t.Fatal(err)
				}
				written += o.Tally.Written.Load()
				if upTo < 40 && (o.Open != upTo-20 || len(o.Held) != upTo-20 || o.Tally.Rejected.Load() > 0) {
					t.Fatalf("up to %d: %d open, held %v", upTo, o.Open, o.Held)
				}
				for i, h := range o.Held {
					if first := upTo - len(o.Held); h.Number != first+i || !sameItem(t, h.Item, rows[first+i]) {
						t.Errorf("held %+v, want %s", h, rows[first+i])
					}
				}
				next.First, next.Held, next.Resume = upTo, o.Held, o.State
			}
			if written != 40 {
				t.Errorf("%d written", written)
			}
			if !maps.Equal(parts.tokens, whole.tokens) || len(whole.tokens) != 4 {
				t.Errorf("sent\n%v\nwant\n%v", parts.tokens, whole.tokens)
			}
		})
	}
}

// Rows of a group that can't be sent are rejected, also those that come in a run
// that goes on; the group after it is not concerned.
func TestRestOfARefusedGroup(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	rows := grouped(30, func(i int) int { return i / 10 })
	rows[12] = `{"g":{"N":"1"}}`
	config := sinktest.Configure(t, New, server, server.Endpoint, fmt.Sprintf("put {\ntable = %q\n}\ngroup_by = row.g", table))
	run := sinktest.Process{Run: "run", Ending: sinks.Stopped, Batch: 7}
	o, err := run.Write(t.Context(), t, config, rows[:15]...)
	if err != nil {
		t.Fatal(err)
	}
	o.Want(t, 10, 0, 5)
	if len(o.Held) != 0 {
		t.Errorf("held %v", o.Held)
	}
	run.Ending, run.First, run.Resume = sinks.EndOfInput, 15, o.State
	if o, err = run.Write(t.Context(), t, config, rows...); err != nil {
		t.Fatal(err)
	}
	o.Want(t, 10, 0, 5)
	for _, r := range o.Rejects {
		if r.Code != "TransactionNotSent" || !strings.Contains(r.Message, "because of the row at rows.jsonl:13: the row has no attribute") {
			t.Errorf("reject: %+v", r)
		}
	}
	items := slices.Sorted(maps.Keys(server.ItemsBy(t, table, "pk")))
	if len(items) != 20 || slices.Contains(items, "k15") {
		t.Errorf("items %v", items)
	}
	if string(o.State) != "{}" {
		t.Errorf("state %s", o.State)
	}
	run.Resume = json.RawMessage(`{"refused_group":3}`)
	if _, err := run.Write(t.Context(), t, config); err == nil || !strings.Contains(err.Error(), "saved state") {
		t.Errorf("error: %v", err)
	}
}
