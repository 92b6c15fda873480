package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// The attributes of a marker beside those of its key. Of the one for the time to
// live the table's description has the name, if it has time to live.
const (
	attributeDigest  = "dynapipe_digest"
	attributeSink    = "dynapipe_sink"
	attributeExpires = "expires_at"
)

// The values of a marker's key. A table of its own is not needed: they begin with
// what no other item's do.
const (
	markerPrefix = "dynapipe#"
	markerSort   = "marker"
)

// Marker makes the items by which a transaction that was carried out is
// recognised: one is put with the transaction's other actions, on condition that
// it is not there.
type Marker struct {
	Table string
	// Units is the capacity that a transaction takes for it, Size the bytes of
	// the item.
	Units float64
	Size  int

	ttl              time.Duration
	head, rest, tail string // around the identity, the expiry and the digest
}

// Open finds the table of markers of a sink. began is when the run did, resumed
// that it goes on now.
func (o *Once) Open(ctx context.Context, client *dynamo.Client, meter *progress.Meter, node string, began time.Time, resumed bool) (*Marker, error) {
	if !o.Marked() {
		return nil, nil
	}
	t, err := client.Describe(ctx, o.MarkerTable)
	if err != nil {
		return nil, fmt.Errorf("marker_table = %q: %w (`dynapipe docs sink update` has the commands that make one)", o.MarkerTable, err)
	}
	if err := checkMarkerKeys(t); err != nil {
		return nil, fmt.Errorf("marker_table = %q: %w", o.MarkerTable, err)
	}
	expires, problem := markerExpiry(ctx, client, o.MarkerTable)
	if problem != "" {
		meter.Warn("markers", problem)
	}
	if pause := time.Since(began); resumed && pause > o.MarkerTTL {
		meter.Warn("old markers", fmt.Sprintf("the run began %v ago, and markers are kept for %v (marker_ttl): what was written longer ago than that is not recognised any more",
			pause.Round(time.Minute), o.MarkerTTL))
	}
	return newMarker(o.MarkerTable, t, expires, node, o.MarkerTTL), nil
}

func checkMarkerKeys(t *dynamo.Table) error {
	for i, k := range t.Keys {
		if k.Kind != attr.String {
			return fmt.Errorf("the %s of table %s, %s, has to be a string (S), and is a %s", [...]string{"partition key", "sort key"}[i], t.Name, k.Name, k.Kind)
		}
	}
	return nil
}

// markerExpiry is the attribute that says when a marker is deleted, and what is
// wrong when it will not be.
func markerExpiry(ctx context.Context, client *dynamo.Client, table string) (attribute, problem string) {
	switch ttl, err := client.TimeToLive(ctx, table); {
	case err != nil:
		return attributeExpires, fmt.Sprintf("whether markers in table %s expire is not known; they say when in %s: %v", table, attributeExpires, err)
	case ttl == "":
		return attributeExpires, fmt.Sprintf("table %s has no time to live, so that markers stay in it: turn it on for attribute %s", table, attributeExpires)
	default:
		return ttl, ""
	}
}

func newMarker(table string, t *dynamo.Table, expires, node string, ttl time.Duration) *Marker {
	m := &Marker{Table: table, ttl: ttl}
	text := func(s string) string { return string(attr.AppendJSONString(nil, s)) }
	m.head = `{"Put":{"TableName":` + text(table) + `,"Item":{` + text(t.Keys[0].Name) + `:{"S":"` + markerPrefix
	m.rest = `"},`
	if len(t.Keys) > 1 {
		m.rest += text(t.Keys[1].Name) + `:{"S":"` + markerSort + `"},`
		m.Size += len(t.Keys[1].Name) + len(markerSort)
	}
	m.rest += `"` + attributeSink + `":{"S":` + text(node) + `},` + text(expires) + `:{"N":"`
	m.tail = `"}},"ConditionExpression":"attribute_not_exists(#m)","ExpressionAttributeNames":{"#m":` + text(t.Keys[0].Name) +
		`},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}`
	sum := base64.RawURLEncoding.EncodedLen(sha256.Size)
	m.Size += len(t.Keys[0].Name) + len(markerPrefix) + sum + len(attributeSink) + len(node) +
		len(expires) + len("1234567890")/2 + 1 + len(attributeDigest) + sum
	m.Units = deliver.WriteUnits(m.Size) * TransactionCost
	return m
}

// digestHead stands before the digest of a marker in a body, and nowhere after it.
const digestHead = `"},"` + attributeDigest + `":{"S":"`

// Append appends the put of a transaction's marker to a body that has other
// actions. again identifies the whole for DynamoDB, which wants one token to mean
// one text: a repetition by another process has another one, since its marker
// expires at another time.
func (m *Marker) Append(dst []byte, of Identity, d *Digest, now time.Time) (body []byte, again Identity) {
	dst = append(append(dst, ','), m.head...)
	dst = append(base64.RawURLEncoding.AppendEncode(dst, of[:]), m.rest...)
	dst = append(strconv.AppendInt(dst, now.Add(m.ttl).Unix(), 10), digestHead...)
	dst = append(d.appendSum(dst), m.tail...)
	return dst, sha256.Sum256(dst)
}

// Actions is how many actions a transaction has for its marker. There may be none.
func (m *Marker) Actions() int {
	if m == nil {
		return 0
	}
	return 1
}

// bytes is what it takes of what a transaction may have.
func (m *Marker) bytes() int {
	if m == nil {
		return 0
	}
	return m.Size
}

// Caps is what is left of a transaction beside its marker.
func (m *Marker) Caps() deliver.Caps {
	caps := deliver.TransactWriteCaps()
	caps.Items -= m.Actions()
	caps.Bytes -= m.bytes()
	return caps
}

// decides says what the reason of a marker's own action makes of a transaction
// that was cancelled, whatever the others': one whose marker is there was carried
// out. Not decided, the others' reasons count.
func (m *Marker) decides(row *deliver.Row, reason Reason, e *dynamo.Error) (decided bool, err error) {
	fault := &deliver.Fault{Class: deliver.Conflict, Code: reason.Code, Message: reason.Message, Answered: true, Err: e}
	switch {
	case reason.unmet() && sameDigest(row.Body, reason.Item):
		return true, nil
	case reason.unmet():
		fault.Class, fault.Code = deliver.Poison, codeMismatch
		fault.Message = fmt.Sprintf("another transaction was written under the same key, for other rows or in other tables (its marker is in table %s): "+
			"an idempotency_key has to be different for each transaction; without one the key is the place of the row in its source, which changes with the source", m.Table)
	case reason.conflict(): // an earlier attempt may be under way: the others' reasons may be its doing
		fault.Code = "TransactionConflict"
	case reason.throttle():
		fault.Class, fault.Code = deliver.Throttled, "ThrottlingError"
	case reason.Fault():
		fault.Class = deliver.Permanent
		fault.Err = fmt.Errorf("table %s does not take the marker of a transaction (marker_table): %s: %s", m.Table, reason.Code, reason.Message)
	default:
		return false, nil
	}
	return true, fault
}

const codeMismatch = "IdempotentParameterMismatchException"
