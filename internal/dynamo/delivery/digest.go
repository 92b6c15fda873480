package delivery

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"hash"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// Digest is what a marker remembers of its transaction: what is done in which
// tables, and the rows that it is done for. Two transactions that were given one
// identity, by an idempotency_key that is used twice or by a scan of a table that
// has changed, are told apart by it.
type Digest struct {
	hash hash.Hash
	room []byte
}

// NewDigest is that of nothing.
func NewDigest() *Digest { return &Digest{hash: sha256.New()} }

// Reset begins another one.
func (d *Digest) Reset() { d.hash.Reset() }

// Action takes in an action at a table.
func (d *Digest) Action(verb, table string) {
	d.room = append(append(d.room[:0], verb...), 0)
	d.room = append(append(d.room, table...), 0)
	d.hash.Write(d.room)
}

// Row takes in a row: by its values, so that neither the order of attributes nor
// the spelling of a number makes a difference.
func (d *Digest) Row(b *record.Batch, row int) {
	d.room = attr.KeyBytes(d.room[:0], attr.MapValue(attr.Fields(b, row)))
	d.hash.Write(d.room)
}

// appendSum appends the digest as it stands in a marker.
func (d *Digest) appendSum(dst []byte) []byte {
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.AppendEncode(dst, d.hash.Sum(sum[:0]))
}

// sameDigest reports that a marker that is stored has the digest of a body's own.
func sameDigest(body, stored []byte) bool {
	item, there := parseItem(stored)
	digest := item.Get(attributeDigest)
	if !there || digest.Kind() != attr.String {
		return false
	}
	at := bytes.LastIndex(body, []byte(digestHead))
	return at >= 0 && bytes.HasPrefix(body[at+len(digestHead):], append([]byte(digest.Text()), '"'))
}
