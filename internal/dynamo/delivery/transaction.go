package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
)

// TransactionCost is how many times the capacity of a write a transaction takes
// (AWS: "Managing complex workflows with DynamoDB transactions", capacity).
const TransactionCost = 2

// TransactionHead and AppendTransactionTail stand around the actions of a
// transaction, in a row's body.
const TransactionHead = `{"TransactItems":[`

// AppendTransactionTail ends a body but for its last brace.
func AppendTransactionTail(dst []byte, token Identity) []byte {
	dst = token.AppendToken(append(dst, `],"ClientRequestToken":"`...))
	return append(dst, `"`+SingleTail...)
}

// Reason is why a transaction was cancelled, for one of its actions (AWS: API
// reference, "TransactionCanceledException").
type Reason struct {
	Code, Message string
	Item          json.RawMessage // that is stored, when the action asked for it
}

// Fault reports a reason that lies in the action itself.
func (r Reason) Fault() bool {
	return r.Code != "" && r.Code != "None" && !r.conflict() && !r.throttle()
}

func (r Reason) unmet() bool    { return r.Code == "ConditionalCheckFailed" }
func (r Reason) conflict() bool { return r.Code == "TransactionConflict" }
func (r Reason) throttle() bool {
	return r.Code == "ThrottlingError" || r.Code == "ProvisionedThroughputExceeded"
}

// Blamed is a receipt of several rows, which is told which of the actions was at
// fault before it is told that they are rejected, and says which row that is.
type Blamed interface {
	Blame(reasons []Reason) (origin string)
}

// Transaction carries rows that are a transaction each. A row's body is that of
// TransactWriteItems, but for its last brace, and has a token.
type Transaction struct {
	Client    *dynamo.Client
	OnFailure string // of a condition
	// Once refuses to repeat what may have been carried out so long ago that
	// DynamoDB has forgotten its token.
	Once bool
	// Marker is that of transactions whose last action puts one; they may be
	// repeated at any time.
	Marker *Marker

	mu   sync.Mutex
	sent map[int64]time.Time // of requests under way, the first attempt that may have been carried out
	now  func() time.Time
}

// remembered is how long DynamoDB keeps a token, and some seconds less.
const remembered = 10*time.Minute - 15*time.Second

var _ deliver.Sender = (*Transaction)(nil)

// Send makes one attempt.
func (s *Transaction) Send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	if !s.Once || s.Marker != nil {
		return s.send(ctx, r)
	}
	if err := s.overdue(r); err != nil {
		return deliver.Answer{}, err
	}
	answer, err := s.send(ctx, r)
	var fault *deliver.Fault
	if err == nil || errors.As(err, &fault) && fault.Class == deliver.Poison {
		s.forget(r.Number) // it is not sent again
	}
	return answer, err
}

func (s *Transaction) send(ctx context.Context, r *deliver.Request) (deliver.Answer, error) {
	row := r.Rows[0]
	call := row.Operation.String()
	m := s.Client.Message()
	defer m.Free()
	m.Set(append(append(m.Body(), row.Body...), '}'))
	text, err := s.Client.Send(ctx, call, m)
	if err != nil {
		return s.failed(row, r.Rows, err)
	}
	var answer struct{ ConsumedCapacity []Capacity }
	if err := json.Unmarshal(text, &answer); err != nil {
		return deliver.Answer{}, Unreadable(call, err)
	}
	var out deliver.Answer
	for _, c := range answer.ConsumedCapacity {
		out.Consumed = c.Append(out.Consumed, r.Rows)
	}
	return out, nil
}

// overdue reports a request of which an attempt may have been carried out so
// long ago that DynamoDB would not know it again.
func (s *Transaction) overdue(r *deliver.Request) error {
	now := time.Now
	if s.now != nil {
		now = s.now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.sent = map[int64]time.Time{}
	}
	sent, known := s.sent[r.Number]
	if !r.Doubtful || !known {
		s.sent[r.Number] = now()
		return nil
	}
	if now().Sub(sent) < remembered {
		return nil
	}
	row := r.Rows[0]
	return &deliver.Fault{Class: deliver.Permanent, Code: "DoubtfulTransaction", Err: fmt.Errorf(
		"the row at %s: the answer to its transaction was lost, and DynamoDB knows a repeated one for ten minutes only, which have passed: "+
			"look whether it was carried out (exactly_once)", row.Receipt.Origin(row.Index))}
}

func (s *Transaction) forget(number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sent, number)
}

// failed says what the core is to make of an error.
func (s *Transaction) failed(row *deliver.Row, rows []*deliver.Row, err error) (deliver.Answer, error) {
	var e *dynamo.Error
	if !errors.As(err, &e) {
		return deliver.Answer{}, Fault(err, rows)
	}
	switch e.Code {
	case "TransactionCanceledException":
		return s.cancelled(row, rows, e)
	case codeMismatch:
		return deliver.Answer{}, &deliver.Fault{
			Class: deliver.Poison, Code: e.Code, Answered: true, Err: err,
			Message: "another transaction had the same token within the last ten minutes: an idempotency_key has to be different for each transaction, " +
				"and a resumed run needs the same input and pipeline (" + e.Message + ")",
		}
	}
	return deliver.Answer{}, Fault(err, rows)
}

// cancelled finds out by the reasons whether to try again, and who is at fault.
func (s *Transaction) cancelled(row *deliver.Row, rows []*deliver.Row, e *dynamo.Error) (deliver.Answer, error) {
	var reasons []Reason
	_ = json.Unmarshal(e.Cancellation, &reasons) // unreadable, it is the fault of them all
	if s.Marker != nil && len(reasons) > 0 {
		if decided, err := s.Marker.decides(row, reasons[len(reasons)-1], e); decided {
			return deliver.Answer{}, err
		}
	}
	at := slices.IndexFunc(reasons, Reason.Fault)
	if at < 0 {
		fault := &deliver.Fault{Class: deliver.Poison, Code: e.Code, Message: e.Message, Answered: true, Err: e}
		switch {
		case slices.ContainsFunc(reasons, Reason.throttle):
			fault.Class, fault.Code = deliver.Throttled, "ThrottlingError"
		case slices.ContainsFunc(reasons, Reason.conflict):
			fault.Class, fault.Code = deliver.Conflict, "TransactionConflict"
		}
		return deliver.Answer{}, fault
	}
	why := reasons[at]
	origin := ""
	if group, ok := row.Receipt.(Blamed); ok {
		origin = group.Blame(reasons)
	}
	if why.unmet() && !slices.ContainsFunc(reasons, func(r Reason) bool { return r.Fault() && !r.unmet() }) {
		answer, err := unmet(s.OnFailure, row, codeConditionFailed, "the condition does not hold for the item that is stored", e)
		var fault *deliver.Fault
		if errors.As(err, &fault) && fault.Class == deliver.Permanent && origin != "" {
			fault.Err = fmt.Errorf("the row at %s: %s (on_condition_failure = \"fail\"): %w", origin, fault.Message, e)
		}
		return answer, err
	}
	return deliver.Answer{}, &deliver.Fault{Class: deliver.Poison, Code: ReasonCode(why), Message: ReasonMessage(why), Answered: true, Err: e}
}

// ReasonCode is the code of a reason's rejection.
func ReasonCode(r Reason) string {
	if r.unmet() {
		return codeConditionFailed
	}
	return r.Code
}

// ReasonMessage is the message of a reason's rejection.
func ReasonMessage(r Reason) string {
	if r.unmet() {
		return "the condition does not hold for the item that is stored"
	}
	return strings.TrimSpace("DynamoDB refused the row's part of the transaction: " + r.Message)
}
