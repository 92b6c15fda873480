package update

import (
	"time"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
	"github.com/dynapipe/dynapipe/internal/record"
)

// once makes updates transactions of their own, that are carried out once.
type once struct {
	identities delivery.Identities
	marker     *delivery.Marker // nil: none
	digest     *delivery.Digest
}

// end ends the body of a transaction that has its only action, and counts in
// what it takes.
func (o *once) end(body []byte, b *record.Batch, out *deliver.Row) ([]byte, delivery.Refusal) {
	identity, no := o.identities.Of(b, out.Index)
	if no.Refused() {
		return body, no
	}
	out.Units *= delivery.TransactionCost
	out.Actions = 1 + o.marker.Actions()
	token := identity
	if o.marker != nil {
		o.digest.Reset()
		o.digest.Action(deliver.UpdateItem.String(), out.Table)
		o.digest.Row(b, out.Index)
		body, token = o.marker.Append(body, identity, o.digest, time.Now())
		out.Units += o.marker.Units
	}
	return delivery.AppendTransactionTail(body, token), delivery.Refusal{}
}
