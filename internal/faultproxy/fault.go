package faultproxy

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
)

// Kind is what a fault is counted as.
type Kind string

// The kinds of faults.
const (
	Denied      Kind = "denied"
	CutBefore   Kind = "cut_before"
	CutAfter    Kind = "cut_after"
	Throttled   Kind = "throttled"         // by chance
	Metered     Kind = "throttled_metered" // the request was beyond a limit
	Failed      Kind = "error_500"
	FailedAfter Kind = "error_500_after" // the request took effect
	Unavailable Kind = "error_503"
	Conflict    Kind = "transaction_conflict"
	// Unprocessed counts items, not requests. All of a batch given back is
	// Throttled or Metered, as in DynamoDB.
	Unprocessed        Kind = "unprocessed_items"
	UnprocessedMetered Kind = "unprocessed_items_metered"
	// Unreachable is the server's failure, not one that was asked for.
	Unreachable Kind = "backend_failed"
)

// Fault is what befalls a request.
type Fault struct {
	Kind Kind
	// Landed faults lose the answer: the request is forwarded first.
	Landed bool
	// Answer is what the client gets; nil cuts the connection.
	Answer *Answer
	// Part is how much of the server's answer, from 0 to 1, goes out before a
	// Landed fault cuts the connection.
	Part float64
	// Reasons are the throttling reasons in the answer.
	Reasons []Reason
}

// Request is a request as a Decider sees it.
type Request struct {
	Operation string
	Body      []byte
	// Tables are those whose items the request reads or writes.
	Tables []Table
	// Actions is how many items it names.
	Actions int
}

// Decider says what befalls a request, nil for nothing. It draws what it needs
// from rng and has no other state: the same numbers and request, the same fault.
type Decider func(rng *rand.Rand, r *Request) *Fault

// deciders are those of a configuration, in the order they are asked.
func (c *Config) deciders() []Decider {
	f := c.Faults
	list := slices.Clone(c.Deciders)
	return append(list, deny(c.Deny), cutBefore(f.CutBefore), throttle(f.Throttle, f.causes()), fail(f.Error),
		conflict(f.Conflict), cutAfter(f.CutAfter))
}

// decide is the first fault of a list.
func decide(deciders []Decider, rng *rand.Rand, r *Request) *Fault {
	for _, d := range deciders {
		if f := d(rng, r); f != nil {
			return f
		}
	}
	return nil
}

// happens draws for a share of requests, of those on items.
func happens(rng *rand.Rand, r *Request, share float64) bool {
	return share > 0 && effectOf(r.Operation) != none && rng.Float64() < share
}

func deny(operations []string) Decider {
	return func(_ *rand.Rand, r *Request) *Fault {
		if !slices.Contains(operations, r.Operation) {
			return nil
		}
		resource := "*"
		if len(r.Tables) > 0 {
			resource = r.Tables[0].ARN
		}
		return &Fault{Kind: Denied, Answer: Refuse(http.StatusBadRequest, "AccessDeniedException",
			fmt.Sprintf("The caller is not authorized to perform: dynamodb:%s on resource: %s", r.Operation, resource))}
	}
}

func cutBefore(share float64) Decider {
	return func(rng *rand.Rand, r *Request) *Fault {
		if !happens(rng, r, share) {
			return nil
		}
		return &Fault{Kind: CutBefore}
	}
}

// cutAfter cuts half of its connections before the answer's first byte, and
// half in the middle of it.
func cutAfter(share float64) Decider {
	return func(rng *rand.Rand, r *Request) *Fault {
		if !happens(rng, r, share) {
			return nil
		}
		f := &Fault{Kind: CutAfter, Landed: true}
		if rng.IntN(2) == 0 {
			f.Part = rng.Float64()
		}
		return f
	}
}

// fail fails a third each with 500 before and after the request takes effect,
// and with 503.
func fail(share float64) Decider {
	return func(rng *rand.Rand, r *Request) *Fault {
		if !happens(rng, r, share) {
			return nil
		}
		const message = "The request processing has failed because of an unknown error, exception or failure."
		switch rng.IntN(3) {
		case 0:
			return &Fault{Kind: Failed, Answer: Refuse(http.StatusInternalServerError, "InternalServerError", message)}
		case 1:
			return &Fault{Kind: FailedAfter, Landed: true, Answer: Refuse(http.StatusInternalServerError, "InternalServerError", message)}
		}
		return &Fault{Kind: Unavailable, Answer: Refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "DynamoDB is currently unavailable.")}
	}
}

func conflict(share float64) Decider {
	const message = "Transaction is ongoing for the item"
	return func(rng *rand.Rand, r *Request) *Fault {
		switch r.Operation {
		case "TransactWriteItems", "TransactGetItems":
			if r.Actions == 0 || !happens(rng, r, share) {
				return nil
			}
			return &Fault{Kind: Conflict, Answer: canceled(r.Actions, rng.IntN(r.Actions), "TransactionConflict", message)}
		case "PutItem", "UpdateItem", "DeleteItem":
			if !happens(rng, r, share) {
				return nil
			}
			return &Fault{Kind: Conflict, Answer: Refuse(http.StatusBadRequest, "TransactionConflictException", message)}
		}
		return nil
	}
}

// cause is an exception and the limit that it names. Tables of provisioned
// capacity throw the first, on-demand tables the second (AWS, "Error handling
// with DynamoDB" and "Throttling resolution guide").
type cause struct{ exception, limit string }

// causes are those of the limits that throttle.
func (f *Faults) causes() []cause {
	return slices.DeleteFunc([]cause{
		{"ProvisionedThroughputExceededException", LimitProvisioned},
		{"ProvisionedThroughputExceededException", LimitKeyRange},
		{"ThrottlingException", LimitKeyRange},
		{"ThrottlingException", LimitOnDemand},
		{"RequestLimitExceeded", LimitAccount},
	}, func(c cause) bool {
		return len(f.ThrottleLimits) > 0 && !slices.Contains(f.ThrottleLimits, c.limit)
	})
}

// throttle refuses for any of the causes, in the name of any table of the
// request or, of writes, any of its indexes.
func throttle(share float64, causes []cause) Decider {
	return func(rng *rand.Rand, r *Request) *Fault {
		if !happens(rng, r, share) {
			return nil
		}
		f := throttledBy(rng, r, causes)
		return &f
	}
}

func throttledBy(rng *rand.Rand, r *Request, causes []cause) Fault {
	c := causes[rng.IntN(len(causes))]
	e := effectOf(r.Operation)
	if len(r.Tables) == 0 {
		return refusal(Throttled, c.exception)
	}
	t := r.Tables[rng.IntN(len(r.Tables))]
	resources := []string{t.ARN}
	if e == write {
		resources = append(resources, t.indexARNs()...)
	}
	i := rng.IntN(len(resources))
	return refusal(Throttled, c.exception, Reason{reasonName(i > 0, e, c.limit), resources[i]})
}

func refusal(kind Kind, exception string, reasons ...Reason) Fault {
	return Fault{Kind: kind, Answer: throttled(exception, reasons...), Reasons: reasons}
}

// reasonName is a throttling reason: what, doing what, beyond which limit.
func reasonName(index bool, e effect, limit string) string {
	what := "Table"
	if index {
		what = "Index"
	}
	return what + e.String() + limit
}

// unprocessed draws which actions of a batch are kept.
func unprocessed(rng *rand.Rand, r *request, share float64) []bool {
	kept := make([]bool, len(r.actions))
	for i := range kept {
		kept[i] = r.batch() == "" || share == 0 || rng.Float64() >= share
	}
	return kept
}
