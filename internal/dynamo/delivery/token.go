package delivery

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Identity tells a transaction from all others.
type Identity [sha256.Size]byte

// tokenSize is how long a token may be.
const tokenSize = 36

// AppendToken appends the identity as a ClientRequestToken, by which DynamoDB
// recognises a repeated transaction for ten minutes (AWS: API reference,
// "TransactWriteItems").
func (i Identity) AppendToken(dst []byte) []byte {
	start := len(dst)
	return base64.RawURLEncoding.AppendEncode(dst, i[:])[:start+tokenSize]
}

// Identities identifies the transactions of a sink: by idempotency_key, where
// there is one, the same in every run; else by the place of their first row, the
// same in every process of a run.
type Identities struct {
	key        *expr.Expr
	keys, rows string // what the text that is hashed begins with
}

// NewIdentities are those of a sink in a run; key may be nil.
func NewIdentities(key *expr.Expr, run, node string) Identities {
	return Identities{key: key, keys: "key\x00" + node + "\x00", rows: run + "\x00" + node + "\x00row\x00"}
}

// IdempotencyKeyArg declares idempotency_key.
func IdempotencyKeyArg(target **expr.Expr, doc string) schema.Arg {
	return schema.Expr("idempotency_key", target, expr.String|expr.Number, doc)
}

// Of is the identity of the transaction that begins with a row of a batch.
func (i *Identities) Of(b *record.Batch, row int) (Identity, Refusal) {
	if i.key == nil {
		return i.ofRow(b.Origins().At(row)), Refusal{}
	}
	v, err := i.key.Eval(b, row)
	switch {
	case err != nil:
		return Identity{}, Failed(err)
	case v.Kind() == attr.String && v.Text() == "":
		return Identity{}, Refuse(CodeExpression, "%s: idempotency_key is empty for this row", i.key.Range())
	case v.Kind() != attr.String && v.Kind() != attr.Number:
		return Identity{}, Refuse(CodeExpression, "%s: idempotency_key is a text or a number, and for this row it is %s", i.key.Range(), v.Kind())
	}
	return i.ofKey(v.Text()), Refusal{}
}

func (i *Identities) ofKey(text string) Identity {
	var room [256]byte
	return sha256.Sum256(append(append(room[:0], i.keys...), text...))
}

func (i *Identities) ofRow(at record.Origin) Identity {
	var room [256]byte
	id := append(room[:0], i.rows...)
	id = append(append(id, at.Source...), 0)
	id = append(append(id, at.File...), 0)
	id = append(strconv.AppendInt(id, int64(at.Segment), 10), 0)
	id = append(strconv.AppendInt(id, at.Seq, 10), 0)
	return sha256.Sum256(strconv.AppendInt(id, int64(at.Sub), 10))
}
