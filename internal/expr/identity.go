package expr

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func identityFunctions() []*fn {
	return []*fn{{
		name: "env", params: []param{{name: "name", class: text}, {name: "default", class: text, null: true}}, optional: 1, static: true, result: String | Null, run: lookupEnv,
		description: "The environment variable of that name, or the default. It can be used where no row is at hand.",
		example:     `env("TABLE", "users") -> "users"`,
	}, {
		name: "ulid", perCall: true, rowOnly: true, result: String, run: newULID,
		description: "A new ULID for every row and call; the same again when the row is retried or the run resumed. Its time is the start of the run.",
		example:     `ulid() -> "01HX6BPDX8XPXWT2TRBX55BZ34"`,
	}, {
		name: "uuid", perCall: true, rowOnly: true, result: String, run: newUUID,
		description: "A new UUID for every row and call; the same again when the row is retried or the run resumed.",
		example:     `uuid() -> "edbbcd0b-585f-4a55-bc64-9bc1aa46641b"`,
	}}
}

var errNoRow = errors.New("there is no row to make it for")

// unique is the bytes that a call site gives at this evaluation within this
// row of this run: all that they depend on stays the same when the row is
// retried or read again by a resumed run.
func (c *call) unique() (sum [sha256.Size]byte, err error) {
	if c.frame == nil || c.frame.batch == nil {
		return sum, errNoRow
	}
	if c.frame.calls == nil {
		c.frame.calls = map[int]int{}
	}
	n := c.frame.calls[c.site.number]
	c.frame.calls[c.site.number]++
	at := c.frame.batch.Origins().At(c.frame.row)
	var room [256]byte
	b := room[:0]
	for _, s := range [...]string{c.run.ID, at.Source, at.File, c.site.file} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, i := range [...]int64{int64(at.Segment), at.Line, at.Seq, int64(at.Sub), int64(c.site.offset), int64(n)} {
		b = binary.AppendVarint(b, i)
	}
	return sha256.Sum256(b), nil
}

// newUUID makes a UUID of version 4 (RFC 9562), its random bits from unique.
func newUUID(c *call) (attr.Value, error) {
	bits, err := c.unique()
	if err != nil {
		return attr.Value{}, err
	}
	id := uuid.UUID(bits[:16])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return attr.StringValue(id.String()), nil
}

// newULID makes a ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 from
// unique, in Crockford's base32.
func newULID(c *call) (attr.Value, error) {
	bits, err := c.unique()
	if err != nil {
		return attr.Value{}, err
	}
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(c.run.Start.UnixMilli())<<16)
	copy(id[6:], bits[:])
	return attr.StringValue(crockford(id)), nil
}

// crockford is 128 bits as 26 digits of 5 bits, the first of them with two
// zeros before it.
func crockford(id [16]byte) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	high, low := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	var out [26]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return string(out[:])
}
