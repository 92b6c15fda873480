package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// transactSender carries the core's requests to TransactGetItems. Each has one
// row.
type transactSender struct{ group *group }

var _ deliver.Sender = (*transactSender)(nil)

// appendGet appends an action, after a comma where there is one before it.
func (t *target) appendGet(dst, key []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = attr.AppendJSONString(append(dst, `{"Get":{"TableName":`...), t.table.Name)
	dst = append(append(dst, `,"Key":`...), key...)
	return append(append(dst, t.settings...), "}}"...)
}

// Send makes one attempt, and hands over what was found before it returns.
func (s *transactSender) Send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	body := append(make([]byte, 0, r.Bytes), `{"TransactItems":[`...)
	body = append(append(body, r.Rows[0].Body...), "],"...)
	text, err := s.group.client.Call(ctx, callTransact, append(body, askForCapacity...))
	if err != nil {
		return deliver.Answer{}, canceled(delivery.Fault(err, r.Rows))
	}
	answer, err := readTransact(text, r.Rows)
	if err != nil {
		return deliver.Answer{}, delivery.Unreadable(callTransact, err)
	}
	return answer, nil
}

func readTransact(text []byte, rows []*deliver.Row) (a deliver.Answer, err error) {
	var page dynamo.TransactPage
	if err := dynamo.ParseTransactPage(text, &page); err != nil {
		return a, err
	}
	e := entryOf(rows[0])
	if len(page.Items) != len(e.target) {
		return a, fmt.Errorf("the answer has %d items, and %d were asked for", len(page.Items), len(e.target))
	}
	if a.Consumed, err = consumed(page.Consumed, rows); err != nil {
		return a, err
	}
	var c attr.Compactor
	e.items, e.failed = make([][]byte, len(page.Items)), false
	for i, item := range page.Items {
		if item != nil {
			e.take(&c, i, item)
		}
	}
	return a, nil
}

// reason is why an item cancelled a transaction (AWS: API reference,
// "TransactGetItems", CancellationReasons).
type reason struct{ Code, Message string }

// canceled says what a cancelled transaction means to the core: what its items'
// reasons do. Several are judged by the one that is worst.
func canceled(err error) error {
	var fault *deliver.Fault
	var e *dynamo.Error
	var reasons []reason
	if !errors.As(err, &fault) || !errors.As(err, &e) || json.Unmarshal(e.Cancellation, &reasons) != nil {
		return err
	}
	for _, r := range reasons {
		var class deliver.Class
		switch r.Code {
		case "", "None":
			continue
		case "TransactionConflict":
			class = deliver.Conflict
		case "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded":
			class = deliver.Throttled
		default: // the fault of the row
			fault.Class, fault.Code = deliver.Poison, r.Code
			if r.Message != "" {
				fault.Message = r.Message
			}
			return fault
		}
		if fault.Class != deliver.Throttled {
			fault.Class, fault.Code = class, r.Code
		}
	}
	return fault
}
